// Package importance hides how one tells, from the trials of a sweep, which
// parameters decided about the loss.
//
// There are two measures. PEDAnova, the default, asks how differently the best
// trials are spread along an axis from all of them. It is closed form: one pass
// over the trials, whatever their number. It knows conditions: a parameter is
// judged among the trials that it had a part in, and weighed by how often it
// had one. Fanova, on demand, asks how large a share of the variance of the
// loss over the whole space one axis explains, or two together, by a forest of
// regression trees; it looks at a bounded number of trials.
//
// PED-ANOVA answers "what matters for being good", fANOVA "what matters at
// all"; an axis along which only bad trials differ is nothing to the first.
//
// Both take points of the unit cube (see package axis) and losses, lower being
// better. A loss of +Inf is that of a failed trial, as tourney.Metric.Loss has
// it; a trial whose loss is NaN or -Inf is left out.
//
// References: Watanabe, Bansal and Hutter, PED-ANOVA (IJCAI 2023,
// arXiv:2304.10255); Baba, Ozaki and Watanabe, Conditional PED-ANOVA
// (arXiv:2601.20800); Hutter, Hoos and Leyton-Brown, An Efficient Approach for
// Assessing Hyperparameter Importance (ICML 2014).
package importance
