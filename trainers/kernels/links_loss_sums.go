package kernels

// LossRows is how many rows the sums of LogisticLossSums are over.
const LossRows = 16

// LogisticLossSums is LogisticLoss for who wants sums of losses alone: z becomes
// the same derivatives, and row g of sums [⌈n/LossRows⌉×c] the sum of the losses
// of the rows from g·LossRows on, in each column.
//
// A loss is log(1+e^-|z|), and |z| besides where z is on the wrong side. The
// logarithms of a sum are those of one product, which is far from the end of
// float32: one logarithm for LossRows elements. Both the product and the sum of
// the |z| take in rows in order, then the logarithm is added to the sum.
func LogisticLossSums(z, sums, y []float32, n, c int) {
	z, y = z[:n*c], y[:n]
	sums = sums[:(n+LossRows-1)/LossRows*c]
	switch {
	case len(z) == 0:
	case active == classGo && c == 1:
		logisticSumsGo(z, sums, y)
	case active == classGo:
		defineLogisticSums(z, sums, y, c)
	case c < narrow:
		logisticSumsOfFew(z, sums, y, c)
	case c <= len(products{}):
		logisticSumsOfRows(z, sums, y, c)
	default:
		logisticSumsOfMany(z, sums, y, c)
	}
}

// defineLogisticSums is the definition.
func defineLogisticSums(z, sums, y []float32, c int) {
	for at := range sums {
		g, j := at/c, at%c
		sum, product := float32(0), float32(1)
		for i := g * LossRows; i < min((g+1)*LossRows, len(y)); i++ {
			derivative, far, s := logisticParts(z[i*c+j], y[i])
			z[i*c+j] = derivative
			sum += far
			product *= s
		}
		sums[at] = sum + Log(product)
	}
}

// logisticParts returns the derivative of LogisticLoss, and its loss as far and
// the s of log(s), which is from 1 to 2, or NaN.
func logisticParts(z, y float32) (derivative, far, s float32) {
	if y > 0 {
		derivative, far, s = logisticParts(-z, 0)
		return -derivative, far, s
	}
	e := Exp(-abs(z))
	s = 1 + e
	if z > 0 {
		return 1 / s, z, s
	}
	return e / s, 0, s
}

type (
	// factors has room for what many elements come to.
	factors [1024]float32
	// products has room for products, which begin with 1, or for sums.
	products [512]float32
)

var ones = func() (p products) {
	for i := range p {
		p[i] = 1
	}
	return p
}()

// wholeVectors is how many elements c columns take up in whole vectors.
func wholeVectors(c int) int { return (c + lanes - 1) / lanes * lanes }

// logisticSumsOfRows has vectors of columns take in the rows of a sum. Sums and
// products lie in whole vectors meanwhile.
func logisticSumsOfRows(z, sums, y []float32, c int) {
	var (
		p         columns
		far, room products
		long      = wholeVectors(c)
	)
	for len(y) > 0 {
		count := min(len(room)/long, len(sums)/c)
		far, room = products{}, ones
		for g := range count {
			rows := min(LossRows, len(y))
			p[0], p[1] = far[g*long:], room[g*long:]
			vecLogisticSumsRows(&z[0], &y[0], rows, c, &p)
			z, y = z[rows*c:], y[rows:]
		}
		vecAddLog(&far[0], &room[0], count*long)
		for g := range count {
			copy(sums[g*c:(g+1)*c], far[g*long:])
		}
		sums = sums[count*c:]
	}
}

// logisticSumsOfMany is for more columns than there is room for: some of them
// after the others, row by row.
func logisticSumsOfMany(z, sums, y []float32, c int) {
	var (
		p         columns
		far, room products
	)
	for ; len(y) > 0; sums = sums[c:] {
		rows := min(LossRows, len(y))
		for at, width := range spans(c, len(room)) {
			far, room = products{}, ones
			p[0], p[1] = far[:], room[:]
			for i := range rows {
				vecLogisticSumsRows(&z[i*c+at], &y[i], 1, width, &p)
			}
			vecAddLog(&far[0], &room[0], width)
			copy(sums[at:at+width], far[:])
		}
		z, y = z[rows*c:], y[rows:]
	}
}

// logisticSumsOfFew is for short rows: first all elements side by side, then
// what they come to.
func logisticSumsOfFew(z, sums, y []float32, c int) {
	var (
		long   [len(factors{}) + narrow]float32 // vecRepeat goes too far
		far, s factors
	)
	for len(y) > 0 {
		rows := min(len(far)/c/LossRows*LossRows, len(y))
		e, count := rows*c, (rows+LossRows-1)/LossRows*c
		each := &y[0]
		if c > 1 {
			vecRepeat(&long[0], each, rows, c)
			each = &long[0]
		}
		vecLogisticParts(&z[0], each, &far[0], &s[0], e)
		if c > 1 {
			takeInColumns(sums[:count], &far, &s, rows, c)
		} else {
			takeInRows(sums[:count], &far, &s, rows)
		}
		z, sums, y = z[e:], sums[count:], y[rows:]
	}
}

// takeInColumns computes sums of rows of c < narrow elements.
func takeInColumns(sums []float32, far, s *factors, rows, c int) {
	var (
		p     columns
		total products
		room  = ones
		long  = wholeVectors(c)
		count = len(sums) / c
	)
	for g := range count {
		p[0], p[1] = total[g*long:], room[g*long:]
		at := g * LossRows
		vecLogisticTakeIn(&far[at*c], &s[at*c], min(LossRows, rows-at), c, &p)
	}
	vecAddLog(&total[0], &room[0], count*long)
	for g := range count {
		copy(sums[g*c:(g+1)*c], total[g*long:])
	}
}

// takeInRows computes sums of rows of one element: four at a time, as they do
// not wait for each other.
func takeInRows(sums []float32, far, s *factors, rows int) {
	var room products
	at := 0
	for ; (at+4)*LossRows <= rows; at += 4 {
		f := (*[4 * LossRows]float32)(far[at*LossRows:])
		p := (*[4 * LossRows]float32)(s[at*LossRows:])
		var f0, f1, f2, f3 float32
		p0, p1, p2, p3 := float32(1), float32(1), float32(1), float32(1)
		for i := range LossRows {
			f0, p0 = f0+f[i], p0*p[i]
			f1, p1 = f1+f[i+LossRows], p1*p[i+LossRows]
			f2, p2 = f2+f[i+2*LossRows], p2*p[i+2*LossRows]
			f3, p3 = f3+f[i+3*LossRows], p3*p[i+3*LossRows]
		}
		sums[at], sums[at+1], sums[at+2], sums[at+3] = f0, f1, f2, f3
		room[at], room[at+1], room[at+2], room[at+3] = p0, p1, p2, p3
	}
	for ; at < len(sums); at++ {
		sum, product := float32(0), float32(1)
		for i := at * LossRows; i < min((at+1)*LossRows, rows); i++ {
			sum, product = sum+far[i], product*s[i]
		}
		sums[at], room[at] = sum, product
	}
	vecAddLog(&sums[0], &room[0], len(sums))
}
