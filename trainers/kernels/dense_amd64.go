package kernels

//go:generate sh -c "go run ./gen/dense amd64 > dense_amd64.s"
//go:generate sh -c "go run ./gen/dense arm64 > dense_arm64.s"

// lanes is how many float32 a vector of the class has.
func (c class) lanes() int {
	if c == classAVX512 {
		return 16
	}
	return 8
}

// partial reports whether the class can leave out lanes of a vector.
func (class) partial() bool { return true }

// gemm adds the product of a tile of one or two vectors of columns. What half
// a vector can hold is faster in the narrower class.
func (c class) gemm(t *tile, stepped bool) {
	if t.vectors == 1 && t.last <= 8 {
		c = classAVX2
	}
	switch {
	case c == classAVX512 && stepped && t.vectors == 2:
		gemmT2AVX512(t)
	case c == classAVX512 && stepped:
		gemmT1AVX512(t)
	case c == classAVX512 && t.vectors == 2:
		gemmN2AVX512(t)
	case c == classAVX512:
		gemmN1AVX512(t)
	case stepped && t.vectors == 2:
		gemmT2AVX2(t)
	case stepped:
		gemmT1AVX2(t)
	case t.vectors == 2:
		gemmN2AVX2(t)
	default:
		gemmN1AVX2(t)
	}
}

// gemmRow adds the product of one row and up to mostVectors of columns.
func (c class) gemmRow(t *tile) {
	if c == classAVX512 {
		gemmRowAVX512(t)
		return
	}
	gemmRowAVX2(t)
}

// lone computes a column of outputs, rows in lanes.
func (c class) lone(t *tile) {
	if c == classAVX512 {
		loneAVX512(t)
		return
	}
	loneAVX2(t)
}

// transpose turns as many rows as there are lanes.
func (c class) transpose(t *tile) {
	if c == classAVX512 {
		transposeAVX512(t)
		return
	}
	transposeAVX2(t)
}

// add adds vectors.
func (c class) add(t *tile) {
	if c == classAVX512 {
		addAVX512(t)
		return
	}
	addAVX2(t)
}

//go:noescape
func gemmN1AVX512(t *tile)

//go:noescape
func gemmN2AVX512(t *tile)

//go:noescape
func gemmT1AVX512(t *tile)

//go:noescape
func gemmT2AVX512(t *tile)

//go:noescape
func gemmRowAVX512(t *tile)

//go:noescape
func loneAVX512(t *tile)

//go:noescape
func transposeAVX512(t *tile)

//go:noescape
func addAVX512(t *tile)

//go:noescape
func gemmN1AVX2(t *tile)

//go:noescape
func gemmN2AVX2(t *tile)

//go:noescape
func gemmT1AVX2(t *tile)

//go:noescape
func gemmT2AVX2(t *tile)

//go:noescape
func gemmRowAVX2(t *tile)

//go:noescape
func loneAVX2(t *tile)

//go:noescape
func transposeAVX2(t *tile)

//go:noescape
func addAVX2(t *tile)
