package foreign

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// Format is a tool by name.
type Format string

// The formats.
const (
	Katib      Format = "katib"
	Optuna     Format = "optuna"
	Ray        Format = "ray"
	Determined Format = "determined"
	NNI        Format = "nni"
	WandB      Format = "wandb"
)

// Formats lists the formats.
func Formats() []Format { return []Format{Determined, Katib, NNI, Optuna, Ray, WandB} }

// Options say how to convert.
type Options struct {
	From     Format                            // empty: told from the document
	Source   string                            // the file's name, for errors and the comment; may be empty
	Commands bool                              // this version plays commands; else they become comments
	Open     func(name string) ([]byte, error) // reads a file that the document names; nil: none may be read
}

// Result is a sweep file with what it leaves out.
type Result struct {
	Format Format
	File   []byte   // YAML, with Lost as comments at its top
	Lost   []string // a sentence each
}

// readers fill a draft from a document, by format.
var readers = map[Format]func(d *draft, doc *yaml.Node){
	Katib: readKatib, Optuna: readOptuna, Ray: readRay, Determined: readDetermined, NNI: readNNI, WandB: readWandB,
}

// Convert turns the configuration of another tool into a sweep file. The error
// is a *tourney.InvalidError with the line and path of each field that cannot
// be read or cannot be.
func Convert(data []byte, o Options) (Result, error) {
	d := &draft{options: o, source: source{file: o.Source}}
	doc := d.parse(data)
	if doc == nil {
		return Result{}, d.invalid()
	}
	format := o.From
	if format == "" {
		var err error
		if format, err = detect(doc); err != nil {
			d.bad("", doc, "%v", err)
			return Result{}, d.invalid()
		}
	}
	read, ok := readers[format]
	if !ok {
		names := make([]string, 0, len(readers))
		for _, f := range Formats() {
			names = append(names, string(f))
		}
		return Result{}, tourney.Invalid("--from", "%q is no format%s; there are %s", format, tourney.DidYouMean(string(format), names), strings.Join(names, ", "))
	}
	read(d, doc)
	if len(d.errs) > 0 {
		return Result{}, d.invalid()
	}
	file, err := d.write(format)
	if err != nil {
		return Result{}, err
	}
	if _, err := tourney.ParseSpec(file, ""); err != nil {
		return Result{}, d.blame(err)
	}
	return Result{Format: format, File: file, Lost: d.lost}, nil
}

// detect tells the format from the keys that only one tool has.
func detect(doc *yaml.Node) (Format, error) {
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(k string) bool { return find(doc, k) != nil })
	}
	all := func(n *yaml.Node, is func(n *yaml.Node) bool) bool {
		list := entries(n)
		return len(list) > 0 && !slices.ContainsFunc(list, func(e entry) bool { return !is(e.value) })
	}
	switch {
	case has("trainer"):
		return "", errors.New("is a sweep file of Tourney already")
	case all(firstOf(doc, "distributions", "search_space"), isOptuna):
		return Optuna, nil
	case has("hyperparameters") && has("searcher"):
		return Determined, nil
	case strings.HasPrefix(text(find(doc, "apiVersion")), "kubeflow.org/"), text(find(doc, "kind")) == "Experiment":
		return Katib, nil
	case has("searchSpace", "search_space", "searchSpacePath", "searchSpaceFile", "search_space_file") && has("trialCommand", "trial_command", "trial", "tuner", "advisor", "trainingService", "training_service", "experimentName", "authorName"):
		return NNI, nil
	case has("method") && has("parameters"), has("program", "command") && has("method"):
		return WandB, nil
	case all(doc, func(n *yaml.Node) bool { return find(n, "_type") != nil }):
		return NNI, nil
	case all(doc, isOptuna):
		return Optuna, nil
	case has("param_space", "num_samples", "search_alg", "scheduler"), anyRay(doc, 0):
		return Ray, nil
	}
	return "", fmt.Errorf("is a configuration of no tool that is known; say which it is with --from, one of %v", Formats())
}
