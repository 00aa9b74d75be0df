package kernels

// SoftmaxLoss is the log loss of k classes for m models side by side. z is
// [n×(m·k)], turned into probabilities less the one-hot target; loss is [n×m]
// or nil; y holds the number of each row's class, in 0…k-1. It gives the bits
// of Softmax: the derivative of class y is its probability less 1, the loss
// float32(lse - z[y]).
func SoftmaxLoss(z, loss, y []float32, n, m, k int) {
	z, y = z[:n*m*k], y[:n]
	if loss != nil {
		loss = loss[:n*m]
	}
	switch {
	case len(z) == 0:
	case active == classGo || k > softmaxRoom/narrow:
		softmaxes(z, loss, y, m, k)
	default:
		softmaxVectors(z, loss, y, m, k)
	}
}

// SoftmaxAll turns each of the rows of k outputs into probabilities, with the
// bits of Softmax.
func SoftmaxAll(z []float32, rows, k int) {
	z = z[:rows*k]
	switch {
	case len(z) == 0:
	case active == classGo || k > softmaxRoom/narrow:
		softmaxes(z, nil, nil, 1, k)
	default:
		softmaxVectors(z, nil, nil, 1, k)
	}
}

// softmaxes is the definition of both: g is the number of a model in a row.
func softmaxes(z, loss, y []float32, m, k int) {
	for g := range len(z) / k {
		row := z[g*k : (g+1)*k]
		if y == nil {
			softmaxRow(row)
			continue
		}
		class := int(y[g/m])
		own := row[class]
		top, sum := softmaxRow(row)
		row[class]--
		if loss != nil {
			loss[g] = softmaxLoss(top, Log(sum), own)
		}
	}
}

// softmaxRow is Softmax, with the exponentials together: that helps rows of
// many classes.
func softmaxRow(z []float32) (top, sum float32) {
	top = z[0]
	for _, v := range z[1:] {
		if v > top {
			top = v
		}
	}
	for c := range z {
		z[c] -= top
	}
	ExpAll(z, z)
	for _, e := range z {
		sum += e
	}
	for c := range z {
		z[c] /= sum
	}
	return top, sum
}

// softmaxLoss is the loss of a row from its greatest output, the logarithm of
// the sum of the exponentials above that, and the output of its class.
func softmaxLoss(top, log, own float32) float32 {
	return float32(float64(top) + float64(log) - float64(own))
}

// softmaxRoom is how many outputs are turned about at a time, so that class c of
// row g, of w rows, is at c·w + g: the rows lie in the lanes of vectors, and
// each is summed in order.
const softmaxRoom = 4096

func softmaxVectors(z, loss, y []float32, m, k int) {
	var (
		turned          [softmaxRoom]float32
		tops, sums, own [wide]float32
		class           [wide]int // of each row, in the block
		p               = columns{tops[:], sums[:]}
		model, row      int // of m, of y
	)
	for from, w := range spans(len(z)/k, min(wide, softmaxRoom/k)) {
		block, buf := z[from*k:(from+w)*k], turned[:w*k]
		turn(buf, block, w, k)
		if y != nil {
			for g := range w {
				class[g] = g*k + int(y[row])
				own[g] = block[class[g]]
				if model++; model == m {
					model, row = 0, row+1
				}
			}
		}
		copy(tops[:], buf[:w])
		clear(sums[:])
		vecSoftmaxTop(&buf[0], k, w, &p)
		vecSoftmaxExp(&buf[0], k, w, &p)
		vecSoftmaxDivide(&buf[0], k, w, &p)
		turn(block, buf, k, w)
		if y != nil {
			for _, at := range class[:w] {
				block[at]--
			}
		}
		if loss != nil {
			LogAll(sums[:w], sums[:w])
			for g := range w {
				loss[from+g] = softmaxLoss(tops[g], sums[g], own[g])
			}
		}
	}
}

// turn transposes src [r×c] into dst [c×r], four columns at a time.
func turn(dst, src []float32, r, c int) {
	j := 0
	for ; j+4 <= c; j += 4 {
		d0, d1, d2, d3 := dst[j*r:(j+1)*r], dst[(j+1)*r:(j+2)*r], dst[(j+2)*r:(j+3)*r], dst[(j+3)*r:(j+4)*r]
		d1, d2, d3 = d1[:len(d0)], d2[:len(d0)], d3[:len(d0)]
		at := j
		for i := range d0 {
			v := src[at : at+4 : at+4]
			d0[i], d1[i], d2[i], d3[i] = v[0], v[1], v[2], v[3]
			at += c
		}
	}
	for ; j < c; j++ {
		d := dst[j*r : (j+1)*r]
		at := j
		for i := range d {
			d[i] = src[at]
			at += c
		}
	}
}
