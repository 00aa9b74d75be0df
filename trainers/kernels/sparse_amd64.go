package kernels

// forwardCSR adds the entries of rows to their outputs.
func (c class) forwardCSR(s *sparse) {
	if s.vectors == 1 && s.last <= 8 {
		c = classAVX2 // half a vector
	}
	switch {
	case s.vectors == 0:
		forwardCSROneAVX2(s)
	case c == classAVX512 && s.vectors == 1:
		forwardCSR1AVX512(s)
	case c == classAVX512 && s.vectors == 2:
		forwardCSR2AVX512(s)
	case c == classAVX512:
		forwardCSR4AVX512(s)
	case s.vectors == 1:
		forwardCSR1AVX2(s)
	case s.vectors == 2:
		forwardCSR2AVX2(s)
	default:
		forwardCSR4AVX2(s)
	}
}

// gradientCSR adds the entries of rows to the derivatives of their columns.
func (c class) gradientCSR(s *sparse) {
	if s.vectors == 1 && s.last <= 8 {
		c = classAVX2 // half a vector
	}
	switch {
	case s.vectors == 0:
		gradientCSROneAVX2(s)
	case c == classAVX512 && s.vectors == 1:
		gradientCSR1AVX512(s)
	case c == classAVX512 && s.vectors == 2:
		gradientCSR2AVX512(s)
	case c == classAVX512:
		gradientCSR4AVX512(s)
	case s.vectors == 1:
		gradientCSR1AVX2(s)
	case s.vectors == 2:
		gradientCSR2AVX2(s)
	default:
		gradientCSR4AVX2(s)
	}
}

//go:noescape
func forwardCSROneAVX2(s *sparse)

//go:noescape
func gradientCSROneAVX2(s *sparse)

//go:noescape
func forwardCSR1AVX2(s *sparse)

//go:noescape
func forwardCSR1AVX512(s *sparse)

//go:noescape
func gradientCSR1AVX2(s *sparse)

//go:noescape
func gradientCSR1AVX512(s *sparse)

//go:noescape
func forwardCSR2AVX2(s *sparse)

//go:noescape
func forwardCSR2AVX512(s *sparse)

//go:noescape
func gradientCSR2AVX2(s *sparse)

//go:noescape
func gradientCSR2AVX512(s *sparse)

//go:noescape
func forwardCSR4AVX2(s *sparse)

//go:noescape
func forwardCSR4AVX512(s *sparse)

//go:noescape
func gradientCSR4AVX2(s *sparse)

//go:noescape
func gradientCSR4AVX512(s *sparse)
