package read

// WithSizes sets the bytes of a window and the rows of a batch.
func (o Options) WithSizes(chunk, rows int) Options {
	o.chunk, o.rows = chunk, rows
	return o
}
