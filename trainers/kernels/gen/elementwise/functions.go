package main

// The functions of one value, as the Go definitions have them, step by step.

const (
	log2e    = 1.44269504088896340735992468100189214
	ln2Hi    = 0x1.62e4p-1
	ln2Lo    = 0.693147180559945309417232121458176568 - ln2Hi
	toInt    = 0x1.8p23
	expMax   = 88.7228390520683
	expMin   = -103.97207708399179
	sqrtHalf = 0x3f3504f3
	tanhMax  = 10
	gelu1    = 1.59576912160573071175978423973752747
	gelu3    = gelu1 * 0.044715

	signBit    = 1 << 31
	oneBits    = 127 << 23
	toIntBits  = 0x4b400000
	infBits    = 0x7f800000
	nanBits    = 0x7fc00000
	maxFloat32 = 0x1p127 * (1 + (1 - 0x1p-23))
)

func (b *body) abs(x value) value    { return b.and(x, b.word(signBit-1)) }
func (b *body) negate(x value) value { return b.xor(x, b.word(signBit)) }

// reduced is the reduction of the argument of an exponential: m = n + toInt,
// the remainder r, and the common part of the polynomials, down to r².
func (b *body) reduced(x value) (m, n, r, p value) {
	m = b.add(b.mul(x, b.float(log2e)), b.float(toInt))
	n = b.sub(m, b.float(toInt))
	r = b.fma(n, b.float(-ln2Hi), x)
	r = b.fma(n, b.float(-ln2Lo), r)
	p = b.fma(b.float(1.0/5040), r, b.float(1.0/720))
	for _, c := range []float64{1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5} {
		p = b.fma(p, r, b.float(c))
	}
	return m, n, r, p
}

// exp is Exp; without its upper end if x is known to be below 88.
func (b *body) exp(x value, bounded bool) value {
	m, n, r, p := b.reduced(x)
	p = b.fma(p, r, b.float(1))
	p = b.fma(p, r, b.float(1))
	var y value
	if b.scaled {
		y = b.node("scale", p, n)
	} else {
		// 2^n in two factors, so that only the second product is rounded.
		k := b.subInt(m, b.word(toIntBits))
		half := b.rightSign(k, 1)
		power := func(k value) value { return b.left(b.addInt(k, b.word(127)), 23) }
		y = b.mul(b.mul(p, power(half)), power(b.subInt(k, half)))
	}
	y = b.choose(b.greater(b.float(expMin), x), b.float(0), y)
	if bounded {
		return y
	}
	return b.choose(b.greater(x, b.float(expMax)), b.word(infBits), y)
}

// logOf is Log of a number that is neither subnormal nor special; more is
// added to the exponent.
func (b *body) logOf(x value, more func(k value) value) value {
	k := b.rightSign(b.subInt(x, b.word(sqrtHalf)), 23)
	f := b.sub(b.subInt(x, b.left(k, 23)), b.float(1))
	s := b.div(f, b.add(b.float(2), f))
	z := b.mul(s, s)
	q := b.fma(b.float(2.0/9), z, b.float(2.0/7))
	q = b.fma(q, z, b.float(2.0/5))
	q = b.fma(q, z, b.float(2.0/3))
	h := b.sub(f, b.mul(q, z))
	n := b.toFloat(more(k))
	y := b.add(b.fnma(s, h, b.mul(n, b.float(ln2Lo))), f)
	return b.fma(n, b.float(ln2Hi), y)
}

// log is Log.
func (b *body) log(x value) value {
	small := b.greater(b.float(0x1p-126), x)
	big := b.choose(small, b.mul(x, b.float(0x1p23)), x)
	y := b.logOf(big, func(k value) value {
		return b.addInt(k, b.choose(small, b.word(-23&0xffffffff), b.word(0)))
	})
	y = b.choose(b.greater(x, b.float(maxFloat32)), x, y)
	y = b.choose(b.greater(x, b.float(0)), y, b.word(nanBits))
	return b.choose(b.equal(x, b.float(0)), b.word(infBits|signBit), y)
}

// logistic is Logistic: where z is above 0, and what is likely and unlikely.
func (b *body) logistic(z value) (up, likely, unlikely value) {
	up = b.greater(z, b.float(0))
	e := b.exp(b.or(z, b.word(signBit)), true)
	s := b.add(b.float(1), e)
	return up, b.div(b.float(1), s), b.div(e, s)
}

// logisticParts is logisticParts: one division, of what is above.
func (b *body) logisticParts(z, y value) (derivative, far, s value) {
	sign := b.choose(b.greater(y, b.float(0)), b.word(signBit), b.float(0))
	z = b.xor(z, sign)
	wrong := b.greater(z, b.float(0))
	e := b.exp(b.or(z, b.word(signBit)), true)
	s = b.add(b.float(1), e)
	derivative = b.xor(b.div(b.choose(wrong, b.float(1), e), s), sign)
	return derivative, b.choose(wrong, z, b.float(0)), s
}

// logAbove is Log of a number from 1 on, or of NaN.
func (b *body) logAbove(x value) value {
	l := b.logOf(x, func(k value) value { return k })
	return b.choose(b.greater(x, b.float(0)), l, x)
}

// sigmoid is Sigmoid: one division, of what is above.
func (b *body) sigmoid(x value) value {
	e := b.exp(b.or(x, b.word(signBit)), true)
	above := b.choose(b.greater(x, b.float(0)), b.float(1), e)
	return b.div(above, b.add(b.float(1), e))
}

// tanh is Tanh.
func (b *body) tanh(x value) value {
	a := b.abs(x)
	a = b.choose(b.greater(a, b.float(tanhMax)), b.float(tanhMax), a)
	m, _, r, p := b.reduced(b.mul(b.float(-2), a))
	q := b.fma(b.mul(r, r), p, r)
	s := b.addInt(b.left(m, 23), b.word(oneBits))
	t := b.fma(s, q, b.sub(s, b.float(1)))
	y := b.div(b.abs(t), b.add(t, b.float(2)))
	return b.or(y, b.and(x, b.word(signBit)))
}

// shrink is shrink of the updates.
func (b *body) shrink(v, t value) value {
	y := b.choose(b.greater(b.negate(t), v), b.add(v, t), b.sub(v, v))
	return b.choose(b.greater(v, t), b.sub(v, t), y)
}

// Activations: arrays dst, src or dz, dy, y.

func (b *body) gelu(x value) value {
	inner := b.fma(b.float(gelu3), b.mul(x, x), b.float(gelu1))
	return b.mul(x, b.sigmoid(b.mul(x, inner)))
}

func (b *body) geluSlope(x value) value {
	square := b.mul(x, x)
	v := b.mul(x, b.fma(b.float(gelu3), square, b.float(gelu1)))
	up, likely, unlikely := b.logistic(v)
	p := b.choose(up, likely, unlikely)
	steep := b.mul(x, b.mul(likely, unlikely))
	return b.fma(steep, b.fma(b.float(3*gelu3), square, b.float(gelu1)), p)
}

// dropout reads the scalars threshold, scale, k0, k1 and first.
func (b *body) dropout(x value) value {
	i := b.addInt(b.addInt(b.offset(), b.lane()), b.scalar(4))
	h := b.addInt(b.mulInt(i, b.word(0x9e3779b9)), b.scalar(2))
	h = b.mulInt(b.xor(h, b.right(h, 17)), b.word(0xed5ad4bb))
	h = b.mulInt(b.xor(b.xor(h, b.right(h, 11)), b.scalar(3)), b.word(0xac4c1b51))
	h = b.mulInt(b.xor(h, b.right(h, 15)), b.word(0x31848bab))
	h = b.xor(h, b.right(h, 14))
	gone := b.greaterInt(b.scalar(0), b.right(h, 8))
	return b.choose(gone, b.float(0), b.mul(x, b.scalar(1)))
}
