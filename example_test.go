package tourney_test

import (
	"fmt"

	"tourney"
)

func ExampleParseSpec() {
	_, err := tourney.ParseSpec([]byte(`dataset: digits
trainer: linear
method: random
run_cap: 10
parameters:
  learning_rate: {min: 0.1, max: 0.1}
  l2: {vales: [0, 1]}
`), "digits.yaml")
	fmt.Println(err)
	// Output:
	// digits.yaml:7: parameters.l2.vales: unknown key; did you mean "values"?
}

func ExampleMetric_CompareTrials() {
	metric := tourney.Metric{Name: "accuracy", Goal: tourney.Maximize}
	good, better := 0.8, 0.9
	early := tourney.Trial{Number: 1, Rung: 0, Value: &better}
	late := tourney.Trial{Number: 2, Rung: 1, Value: &good}
	fmt.Println(metric.CompareTrials(&late, &early) < 0)
	// Output: true
}
