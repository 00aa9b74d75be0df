package kernels

// lanes is how many float32 a vector of the class has.
func (class) lanes() int { return 4 }

// partial reports whether the class can leave out lanes of a vector.
func (class) partial() bool { return false }

// gemm adds the product of a tile of one or two vectors of columns.
func (class) gemm(t *tile, stepped bool) {
	switch {
	case stepped && t.vectors == 2:
		gemmT2NEON(t)
	case stepped:
		gemmT1NEON(t)
	case t.vectors == 2:
		gemmN2NEON(t)
	default:
		gemmN1NEON(t)
	}
}

// gemmRow adds the product of one row and up to mostVectors of columns.
func (class) gemmRow(t *tile) { gemmRowNEON(t) }

// lone computes a column of outputs, rows in lanes.
func (class) lone(t *tile) { loneNEON(t) }

// transpose turns as many rows as there are lanes.
func (class) transpose(t *tile) { transposeNEON(t) }

// add adds vectors.
func (class) add(t *tile) { addNEON(t) }

//go:noescape
func gemmN1NEON(t *tile)

//go:noescape
func gemmN2NEON(t *tile)

//go:noescape
func gemmT1NEON(t *tile)

//go:noescape
func gemmT2NEON(t *tile)

//go:noescape
func gemmRowNEON(t *tile)

//go:noescape
func loneNEON(t *tile)

//go:noescape
func transposeNEON(t *tile)

//go:noescape
func addNEON(t *tile)
