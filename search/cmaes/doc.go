// Package cmaes hides CMA-ES: a normal distribution over the unit cube that
// moves, stretches and turns towards the better trials.
//
// It is a fold: [New], then Tell for each result in the order in which results
// came in, from whatever source. Every population of results moves the
// distribution. Ask reads the distribution and changes nothing, so trials may
// be pending, results may come in any order, and a state that was rebuilt from
// the same results gives the same points. Only the order of losses matters,
// not their size; +Inf, a failure, is the worst.
//
// What comes from where:
//   - update, weights and step size: Hansen, The CMA Evolution Strategy: A
//     Tutorial, arXiv:1604.00772, with negative weights; more than 100 numeric
//     axes adapt the diagonal alone (sep-CMA-ES, Ros and Hansen 2008)
//   - points that were not drawn from the current distribution, as those that
//     were pending while it moved: Hansen, Injecting External Solutions Into
//     CMA-ES, arXiv:1110.4181
//   - lattices: CMA-ES with Margin, Hamano, Saito, Nomura and Shirakawa 2022,
//     arXiv:2205.13482
//   - choices: the categorical distributions of CatCMA, Hamano, Saito, Nomura,
//     Uchida and Shirakawa 2024, arXiv:2405.09962
//   - restarts: BIPOP, Hansen 2009
//   - start from earlier results: WS-CMA-ES, Nomura, Watanabe, Akimoto, Ozaki
//     and Onishi 2021, arXiv:2012.06932
package cmaes
