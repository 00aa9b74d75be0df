package main

// kernel is a loop over elements. Its Go form is vecName(arrays…, n, c, p):
// n rows of c elements one behind the other. Flat kernels have no n, as they
// have one row.
type kernel struct {
	name    string
	arrays  []string // pointers; one that is read by row has one element a row
	flat    bool
	columns bool // p is a table of columns; else of scalars
	table   bool // there is a p
	rows    bool
	body    func(b *body)
}

func (k *kernel) build(scaled bool) *body {
	b := &body{scaled: scaled, masks: map[value]bool{}, columns: k.columns, rows: k.rows}
	k.body(b)
	b.live()
	return b
}

// one is a kernel of one operand.
func one(name string, f func(b *body, x value) value) kernel {
	return kernel{name: name, arrays: []string{"dst", "src"}, flat: true, body: func(b *body) {
		b.store(0, f(b, b.load(1)))
	}}
}

// back is a kernel of a derivative and what it is taken at.
func back(name string, f func(b *body, dy, y value) value) kernel {
	return kernel{name: name, arrays: []string{"dz", "dy", "y"}, flat: true, body: func(b *body) {
		b.store(0, f(b, b.load(1), b.load(2)))
	}}
}

// loss returns the four kernels of a loss: y by row or by element, with the
// losses and without.
func loss(name string, table bool, f func(b *body, z, y value) (derivative, loss value)) []kernel {
	var found []kernel
	for _, rows := range []bool{true, false} {
		for _, losses := range []bool{true, false} {
			k := kernel{name: name, arrays: []string{"z", "y"}, columns: table, table: table, rows: rows}
			if losses {
				k.name += "Loss"
				k.arrays = append(k.arrays, "loss")
			}
			if rows {
				k.name += "Rows"
			}
			k.body = func(b *body) {
				d, l := f(b, b.load(0), b.byRow(1))
				b.store(0, d)
				if losses {
					b.store(2, l)
				}
			}
			found = append(found, k)
		}
	}
	return found
}

// update returns the two forms of an update, with scalars and with columns.
func update(name string, arrays []string, f func(b *body)) []kernel {
	return []kernel{
		{name: name, arrays: arrays, flat: true, table: true, body: f},
		{name: name + "Columns", arrays: arrays, columns: true, table: true, body: f},
	}
}

// lossBodies are the losses; table tells of those with a hyperparameter.
var lossBodies = []struct {
	name  string
	table bool
	body  func(b *body, z, y value) (derivative, loss value)
}{
	{"Logistic", false, (*body).logisticLoss},
	{"Squared", false, (*body).squaredLoss},
	{"Huber", true, (*body).huberLoss},
	{"Quantile", true, (*body).quantileLoss},
	{"Poisson", false, (*body).poissonLoss},
	{"Hinge", false, (*body).hingeLoss},
	{"SquaredHinge", false, (*body).squaredHingeLoss},
}

func kernels() []kernel {
	all := []kernel{
		one("Exp", func(b *body, x value) value { return b.exp(x, false) }),
		one("Log", (*body).log),
		one("Sigmoid", (*body).sigmoid),
		one("Tanh", (*body).tanh),
		one("ReLU", func(b *body, x value) value { return b.choose(b.greater(b.float(0), x), b.float(0), x) }),
		one("GELU", (*body).gelu),
		{name: "Dropout", arrays: []string{"dst", "src"}, flat: true, table: true, body: func(b *body) {
			b.store(0, b.dropout(b.load(1)))
		}},
		back("ReLUBack", func(b *body, dy, y value) value { return b.choose(b.greater(y, b.float(0)), dy, b.float(0)) }),
		back("TanhBack", func(b *body, dy, y value) value {
			return b.mul(dy, b.mul(b.sub(b.float(1), y), b.add(b.float(1), y)))
		}),
		back("GELUBack", func(b *body, dy, x value) value { return b.mul(dy, b.geluSlope(x)) }),
		{name: "ScaleRows", arrays: []string{"v", "w"}, rows: true, body: func(b *body) {
			b.store(0, b.mul(b.load(0), b.byRow(1)))
		}},
		{name: "Mul", arrays: []string{"v", "w"}, flat: true, body: func(b *body) {
			b.store(0, b.mul(b.load(0), b.load(1)))
		}},
		{name: "AddRow", arrays: []string{"z"}, columns: true, table: true, body: func(b *body) {
			b.store(0, b.add(b.load(0), b.column(0)))
		}},
		{name: "AddColumns", arrays: []string{"v"}, columns: true, table: true, body: func(b *body) {
			b.storeColumn(0, b.add(b.column(0), b.load(0)))
		}},
		// The three passes of a softmax over columns: column 0 is the greatest
		// output, column 1 the sum.
		{name: "SoftmaxTop", arrays: []string{"z"}, columns: true, table: true, body: func(b *body) {
			z, top := b.load(0), b.column(0)
			b.storeColumn(0, b.choose(b.greater(z, top), z, top))
		}},
		{name: "SoftmaxExp", arrays: []string{"z"}, columns: true, table: true, body: func(b *body) {
			e := b.exp(b.sub(b.load(0), b.column(0)), true)
			b.store(0, e)
			b.storeColumn(1, b.add(b.column(1), e))
		}},
		{name: "SoftmaxDivide", arrays: []string{"z"}, columns: true, table: true, body: func(b *body) {
			b.store(0, b.div(b.load(0), b.column(1)))
		}},
		// The steps of LogisticLossSums: column 0 is the sum of what lies on the
		// wrong side, column 1 the product of the factors.
		{name: "LogisticSumsRows", arrays: []string{"z", "y"}, columns: true, table: true, rows: true, body: func(b *body) {
			d, far, s := b.logisticParts(b.load(0), b.byRow(1))
			b.store(0, d)
			b.storeRoom(0, b.add(b.room(0), far))
			b.storeRoom(1, b.mul(b.room(1), s))
		}},
		{name: "LogisticParts", arrays: []string{"z", "y", "far", "s"}, flat: true, body: func(b *body) {
			d, far, s := b.logisticParts(b.load(0), b.load(1))
			b.store(0, d)
			b.store(2, far)
			b.store(3, s)
		}},
		{name: "LogisticTakeIn", arrays: []string{"far", "s"}, columns: true, table: true, body: func(b *body) {
			b.storeRoom(0, b.add(b.room(0), b.load(0)))
			b.storeRoom(1, b.mul(b.room(1), b.load(1)))
		}},
		{name: "AddLog", arrays: []string{"v", "w"}, flat: true, body: func(b *body) {
			b.store(0, b.add(b.load(0), b.logAbove(b.load(1))))
		}},
	}
	for _, l := range lossBodies {
		all = append(all, loss(l.name, l.table, l.body)...)
	}
	for _, k := range [][]kernel{
		update("SGDPlain", []string{"w", "grad"}, (*body).sgdPlain),
		update("SGD", []string{"w", "m", "grad"}, (*body).sgd),
		update("Adam", []string{"w", "m", "v", "grad"}, (*body).adam),
		update("AdaGrad", []string{"w", "h", "grad"}, (*body).adaGrad),
		update("FTRL", []string{"w", "z", "s", "grad"}, (*body).ftrl),
	} {
		all = append(all, k...)
	}
	return all
}

func (b *body) logisticLoss(z, y value) (derivative, loss value) {
	derivative, far, s := b.logisticParts(z, y)
	return derivative, b.add(b.logAbove(s), far)
}

func (b *body) squaredLoss(z, y value) (derivative, loss value) {
	r := b.sub(z, y)
	return r, b.mul(b.mul(r, r), b.float(0.5))
}

func (b *body) huberLoss(z, y value) (derivative, loss value) {
	delta := b.hyper(0)
	r := b.sub(z, y)
	a := b.abs(r)
	derivative = b.choose(b.greater(r, delta), delta, r)
	derivative = b.choose(b.greater(b.negate(delta), r), b.negate(delta), derivative)
	far := b.mul(delta, b.sub(a, b.mul(b.float(0.5), delta)))
	return derivative, b.choose(b.greater(a, delta), far, b.mul(b.mul(r, r), b.float(0.5)))
}

func (b *body) quantileLoss(z, y value) (derivative, loss value) {
	tau := b.hyper(0)
	r := b.sub(z, y)
	above := b.greater(r, b.float(0))
	slope := b.choose(above, b.sub(b.float(1), tau), b.negate(tau))
	derivative = b.choose(above, slope, r)
	derivative = b.choose(b.greater(b.float(0), r), slope, derivative)
	return derivative, b.mul(slope, r)
}

func (b *body) poissonLoss(z, y value) (derivative, loss value) {
	e := b.exp(z, false)
	return b.sub(e, y), b.sub(e, b.mul(y, z))
}

func (b *body) hingeLoss(z, y value) (derivative, loss value) {
	s, m, right := b.margin(z, y)
	return b.choose(right, b.float(0), b.negate(s)), b.choose(right, b.float(0), m)
}

func (b *body) squaredHingeLoss(z, y value) (derivative, loss value) {
	s, m, right := b.margin(z, y)
	derivative = b.mul(b.mul(b.float(-2), s), m)
	return b.choose(right, b.float(0), derivative), b.choose(right, b.float(0), b.mul(m, m))
}

func (b *body) margin(z, y value) (s, m, right value) {
	s = b.choose(b.greater(y, b.float(0)), b.float(1), b.float(-1))
	m = b.sub(b.float(1), b.mul(s, z))
	return s, m, b.atMost(m, b.float(0))
}

// The updates' hyperparameters are in the order of their columns in Go.

// sgdPlain: Rate, Scale, L2, L1.
func (b *body) sgdPlain() {
	w := b.load(0)
	rate := b.hyper(0)
	g := b.add(b.mul(b.load(1), b.hyper(1)), b.mul(b.hyper(2), w))
	b.store(0, b.shrink(b.sub(w, b.mul(rate, g)), b.mul(rate, b.hyper(3))))
}

// sgd: Rate, Scale, L2, L1, Momentum, Nesterov.
func (b *body) sgd() {
	w := b.load(0)
	rate, momentum := b.hyper(0), b.hyper(4)
	g := b.add(b.mul(b.load(2), b.hyper(1)), b.mul(b.hyper(2), w))
	m := b.add(b.mul(momentum, b.load(1)), g)
	b.store(1, m)
	ahead := b.add(b.mul(momentum, m), g)
	along := b.choose(b.greater(b.hyper(5), b.float(0)), ahead, m)
	b.store(0, b.shrink(b.sub(w, b.mul(rate, along)), b.mul(rate, b.hyper(3))))
}

// adam: Rate, Scale, L2, L1, Beta1, Rest1, Beta2, Rest2, Eps, Fix1, Fix2, Decay.
func (b *body) adam() {
	w := b.load(0)
	g := b.add(b.mul(b.load(3), b.hyper(1)), b.mul(b.hyper(2), w))
	m := b.add(b.mul(b.hyper(4), b.load(1)), b.mul(b.hyper(5), g))
	b.store(1, m)
	v := b.add(b.mul(b.hyper(6), b.load(2)), b.mul(b.hyper(7), b.mul(g, g)))
	b.store(2, v)
	rate := b.hyper(0)
	eta := b.div(rate, b.add(b.mul(b.sqrt(v), b.hyper(10)), b.hyper(8)))
	w = b.sub(w, b.mul(b.mul(rate, b.hyper(11)), w))
	b.store(0, b.shrink(b.sub(w, b.mul(eta, b.mul(m, b.hyper(9)))), b.mul(eta, b.hyper(3))))
}

// adaGrad: Rate, Scale, L2, L1, Eps.
func (b *body) adaGrad() {
	w := b.load(0)
	g := b.add(b.mul(b.load(2), b.hyper(1)), b.mul(b.hyper(2), w))
	h := b.add(b.load(1), b.mul(g, g))
	b.store(1, h)
	eta := b.div(b.hyper(0), b.add(b.sqrt(h), b.hyper(4)))
	b.store(0, b.shrink(b.sub(w, b.mul(eta, g)), b.mul(eta, b.hyper(3))))
}

// ftrl: Alpha, Scale, L2, L1, Beta.
func (b *body) ftrl() {
	g := b.mul(b.load(3), b.hyper(1))
	n := b.load(2)
	before := b.sqrt(n)
	n = b.add(n, b.mul(g, g))
	b.store(2, n)
	after := b.sqrt(n)
	alpha := b.hyper(0)
	sigma := b.div(b.sub(after, before), alpha)
	z := b.add(b.load(1), b.sub(g, b.mul(sigma, b.load(0))))
	b.store(1, z)
	curve := b.add(b.div(b.add(b.hyper(4), after), alpha), b.hyper(2))
	b.store(0, b.sub(b.float(0), b.div(b.shrink(z, b.hyper(3)), curve)))
}
