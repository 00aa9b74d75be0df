// Package nsga2 hides how trials with several losses breed the next ones:
// NSGA-II (Deb, Pratap, Agarwal and Meyarivan, A fast and elitist
// multiobjective genetic algorithm, 2002), one trial at a time.
//
// It is a fold: [New], then Tell for each result in the order in which results
// came in. There are no generations: each result joins the population and the
// worst of all leaves it (steady state, as in Durillo, Nebro, Luna and Alba
// 2009), so trials may be pending, and none waits for another. Worst means of
// the last front, and there the most crowded; a trial that breaks constraints
// is worse than any that keeps them. Ask reads the population and changes
// nothing.
//
// Numbers and lattices cross by simulated binary crossover (Deb and Agrawal
// 1995) and mutate by polynomial mutation (Deb and Goyal 1996); choices are
// taken from either parent, and mutate to any other choice. An axis with a
// condition comes from the parent that gave what the condition looks at.
package nsga2
