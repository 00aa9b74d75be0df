// Package gram hides how linear models of squared loss are solved from the
// products of their features: one pass over the rows sums them up, and then
// every penalty is solved without the rows.
//
// With weights c of the rows, means x̄ and ȳ, and A = Σc(x-x̄)(x-x̄)ᵀ/Σc,
// b = Σc(x-x̄)(y-ȳ)/Σc, the weights w minimise wᵀAw/2 - bᵀw + l2/2·‖w‖² + l1·‖w‖₁
// and the intercept is ȳ - x̄ᵀw.
//
// Without l1 that is (A + l2·I)w = b. A is brought to tridiagonal form once,
// after which each l2 costs no more than a product with a matrix (as Eldén,
// "Algorithms for the regularization of ill-conditioned least squares problems",
// BIT 17, 1977, does by a bidiagonal form of the rows). With l1 it is coordinate
// descent on A (Friedman, Hastie and Tibshirani, "Regularization paths for
// generalized linear models via coordinate descent", J. Stat. Softw. 33(1),
// 2010, section 2.2: covariance updates) along a path of its own.
//
// Bits. Dense rows are summed relative to the first row, which is exact for
// categories and keeps the digits of what is far from 0, by kernels.Gram and
// kernels.Gradient over blocks of 128 rows; blocks are added in float64, in
// order, then parts. Everything after is plain float64, products not fused.
package gram
