package kernels

// Loops over a matrix v [n×c] row-major. Row parameters are [n], column
// parameters [c].

// AddColumns adds each column of v to its element of sum, rows in order, by
// plain float32 additions.
func AddColumns(sum, v []float32, n, c int) {
	sum, v = sum[:c], v[:n*c]
	if active != classGo && c >= lanes && n > 0 {
		p := columns{sum}
		for i, rows := range rowBlocks(n, c) {
			vecAddColumns(&v[i*c], rows, c, &p)
		}
		return
	}
	addColumns(sum, v)
}

// AddColumns64 is AddColumns with sums in float64.
func AddColumns64(sum []float64, v []float32, n, c int) {
	addColumns(sum[:c], v[:n*c])
}

// addColumns is the definition of both. It takes four columns at a time, as
// sums of neighbours do not wait for each other.
func addColumns[F float32 | float64](sum []F, v []float32) {
	c, j := len(sum), 0
	for ; j+4 <= c; j += 4 {
		s0, s1, s2, s3 := sum[j], sum[j+1], sum[j+2], sum[j+3]
		for at := j; at < len(v); at += c {
			x := v[at : at+4 : at+4]
			s0 += F(x[0])
			s1 += F(x[1])
			s2 += F(x[2])
			s3 += F(x[3])
		}
		sum[j], sum[j+1], sum[j+2], sum[j+3] = s0, s1, s2, s3
	}
	for ; j < c; j++ {
		s := sum[j]
		for at := j; at < len(v); at += c {
			s += F(v[at])
		}
		sum[j] = s
	}
}

// ScaleRows multiplies each row of v by its element of w.
func ScaleRows(v, w []float32, n, c int) {
	v, w = v[:n*c], w[:n]
	if active != classGo && (c == 1 || c >= lanes) {
		for i, rows := range rowBlocks(n, c) {
			if c == 1 {
				vecMul(&v[i], &w[i], rows)
			} else {
				vecScaleRows(&v[i*c], &w[i], rows, c)
			}
		}
		return
	}
	for i, f := range w {
		row := v[i*c : (i+1)*c]
		for j := range row {
			row[j] *= f
		}
	}
}

// AddRow adds b [c] to each row of z.
func AddRow(z, b []float32, n, c int) {
	z, b = z[:n*c], b[:c]
	if active != classGo && len(z) > 0 {
		var buf joined
		for i := panels(n, c, &buf, columns{b}); i.next(); {
			vecAddRow(&z[i.at], i.n, i.c, &i.p)
		}
		return
	}
	for i := range n {
		for j, x := range b {
			z[i*c+j] += x
		}
	}
}

// lanes is how many partial sums a reduction has, on every machine: element i
// goes to sum i mod lanes, and in the end sum j takes in sum j+8, then j+4, j+2
// and j+1.
const lanes = 16

// fold adds up the partial sums.
func fold(s *[lanes]float64) float64 {
	for half := lanes / 2; half > 0; half /= 2 {
		for j := range half {
			s[j] += s[j+half]
		}
	}
	return s[0]
}

// Dot returns Σ a·b, summed in float64 as told at lanes. Products of float32
// are exact in float64.
func Dot(a, b []float32) float64 {
	var s [lanes]float64
	b = b[:len(a)]
	i := 0
	if active != classGo {
		for at, c := range blocks(len(a) - len(a)%lanes) {
			vecDot(&a[at], &b[at], c, &s)
			i = at + c
		}
	}
	for ; i < len(a); i++ {
		s[i%lanes] += float64(float64(a[i]) * float64(b[i]))
	}
	return fold(&s)
}

// SumSquares returns Σ v², as Dot sums it.
func SumSquares(v []float32) float64 {
	return Dot(v, v)
}

// AllFinite reports whether no element is infinite or NaN. The squares of
// float32 are far from the end of float64, and so is their sum.
func AllFinite(v []float32) bool {
	s := SumSquares(v)
	return s-s == 0
}
