package api

// Routes returns "METHOD path" of each route that is registered.
func (s *Server) Routes() []string {
	var routes []string
	for _, r := range s.echo.Routes() {
		routes = append(routes, r.Method+" "+r.Path)
	}
	return routes
}

// Waiting returns how many callers wait for a change.
func (s *Server) Waiting() int { return len(s.waits) }
