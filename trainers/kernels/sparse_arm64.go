package kernels

// forwardCSR adds the entries of rows to their outputs.
func (class) forwardCSR(s *sparse) {
	switch s.vectors {
	case 0:
		forwardCSROneNEON(s)
	case 1:
		forwardCSR1NEON(s)
	case 2:
		forwardCSR2NEON(s)
	default:
		forwardCSR4NEON(s)
	}
}

// gradientCSR adds the entries of rows to the derivatives of their columns.
func (class) gradientCSR(s *sparse) {
	switch s.vectors {
	case 0:
		gradientCSROneNEON(s)
	case 1:
		gradientCSR1NEON(s)
	case 2:
		gradientCSR2NEON(s)
	default:
		gradientCSR4NEON(s)
	}
}

//go:noescape
func forwardCSROneNEON(s *sparse)

//go:noescape
func gradientCSROneNEON(s *sparse)

//go:noescape
func forwardCSR1NEON(s *sparse)

//go:noescape
func gradientCSR1NEON(s *sparse)

//go:noescape
func forwardCSR2NEON(s *sparse)

//go:noescape
func gradientCSR2NEON(s *sparse)

//go:noescape
func forwardCSR4NEON(s *sparse)

//go:noescape
func gradientCSR4NEON(s *sparse)
