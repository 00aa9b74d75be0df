package tourney

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// schema is a JSON Schema (draft 2020-12), or a part of one.
type schema map[string]any

// SpecSchema returns the JSON Schema of a sweep file, for editors. It is made
// of the tables by which files are read: their keys, distributions with their
// keys, schedulers with theirs, methods and metrics; and of Spec's fields. What
// depends on the dataset or on other fields it leaves to ParseSpec: a file that
// ParseSpec takes fits the schema, but not each that fits is taken.
func SpecSchema() []byte {
	top := schema{}
	for _, key := range specKeys {
		top[key] = fieldSchema(reflect.TypeFor[Spec](), key)
	}
	for _, key := range ignoredKeys {
		top[key] = schema{"description": "W&B's; means nothing here"}
	}
	maps.Copy(top, specialKeys())
	for key, what := range specHelp {
		if s, ok := top[key].(schema); ok {
			s["description"] = what
		}
	}
	required := []schema{{"required": []string{"trainer"}}}
	for _, key := range []string{"program", "command"} {
		if slices.Contains(specKeys, key) {
			required = append(required, schema{"required": []string{key}})
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(schema{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Tourney sweep file",
		"type": "object", "additionalProperties": false, "required": []string{"parameters"}, "anyOf": required,
		"properties": top, "$defs": specDefs(),
	}); err != nil {
		panic("tourney: the schema of a sweep file cannot be written: " + err.Error())
	}
	return b.Bytes()
}

// specHelp says what a key is for.
var specHelp = map[string]string{
	"name":            "letters, digits, '.', '_' and '-'; the file's name if it is left out",
	"dataset":         "a path or pattern relative to this file, a URL, or a registered NAME or NAME@VERSION",
	"target":          "the column to predict, when the dataset is a path",
	"split":           "which rows are sealed, when the dataset is a path: 0.2, group:0.2, time:0.2, last:0.2, column:NAME or file",
	"trainer":         "what trains: linear, fm, mlp, tree, forest, gbdt, or external for a loop of your own",
	"method":          "how points are chosen",
	"metric":          "what is improved; a built-in metric knows its goal",
	"metrics":         "several objectives, the one that orders the board first, and bounds",
	"run_cap":         "the most trials",
	"limits":          "what else ends the search",
	"parallelism":     "pending trials",
	"order":           "fixed: the same file gives the same board; arrival: reports count as they come",
	"seed":            "of all that is random",
	"validation":      "on which rows trials are measured",
	"preprocess":      "how columns become features",
	"early_terminate": "how long each trial trains",
	"warm_start":      "ids of sweeps whose trials say where to begin",
	"constraints":     "expressions over parameters that every point fulfils",
	"points":          "tried first; what one leaves out is drawn",
	"parameters":      "what is searched, by name",
}

// specDefs are the parts that others refer to.
func specDefs() schema {
	return schema{
		"number": schema{"anyOf": []schema{{"type": "number"}, {"type": "string", "pattern": `^[-+]?[0-9.][0-9.eE+_-]*$`}}},
		"count":  schema{"anyOf": []schema{{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9][0-9_]*$"}}},
		"time":   schema{"anyOf": []schema{{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": `^[0-9.]+([a-zµ]+[0-9.]*)*$`}}},
		"text":   schema{"type": []string{"string", "number", "boolean"}}, // as what YAML makes of a name that looks like a number
		"when": schema{
			"type": "object", "minProperties": 1,
			"description": "the parameter has a part where each of these has one of the values",
		},
		"parameters": schema{
			"type": "object", "minProperties": 1, "additionalProperties": schema{"$ref": "#/$defs/parameter"},
			"propertyNames": schema{"pattern": paramRE.String()},
		},
		"parameter": paramSchema(),
		"metric": schema{
			"type": "object", "additionalProperties": false, "required": []string{"name"},
			"properties": schema{
				"name": schema{"type": "string", "examples": MetricNames("")}, "goal": schema{"enum": []Goal{Minimize, Maximize}},
				"target": ref("number"), "impute": schema{}, "impute_while_running": schema{}, "at_most": ref("number"), "at_least": ref("number"),
			},
		},
	}
}

func ref(name string) schema { return schema{"$ref": "#/$defs/" + name} }

// specialKeys are those whose shape is not that of a field.
func specialKeys() schema {
	limits := structSchema(reflect.TypeFor[Limits]())
	props, _ := limits["properties"].(schema)
	props["trials"], props["wall"] = ref("count"), ref("time")
	early := structSchema(reflect.TypeFor[EarlyTerminate]())
	types := slices.Sorted(maps.Keys(schedulerKeys))
	early["required"] = []string{"type"}
	props, _ = early["properties"].(schema)
	props["type"] = schema{"enum": types}
	props["fidelity"] = schema{"enum": []string{"steps", "rows"}}
	var cases []schema
	for _, t := range types {
		cases = append(cases, when("type", t, schema{"propertyNames": schema{"enum": append([]string{"type"}, schedulerKeys[t]...)}}))
	}
	early["allOf"] = cases
	preprocess := structSchema(reflect.TypeFor[Preprocess]())
	props, _ = preprocess["properties"].(schema)
	for _, w := range preprocessWords {
		props[w.name] = schema{"enum": w.words}
	}
	methods := slices.Clone(Methods())
	return schema{
		"name": ref("text"), "dataset": ref("text"), "target": ref("text"), "description": ref("text"),
		"method": schema{"enum": methods}, "order": schema{"enum": []Order{OrderFixed, OrderArrival}},
		"metric": ref("metric"), "metrics": schema{"type": "array", "minItems": 1, "items": ref("metric")},
		"limits": limits, "early_terminate": early, "preprocess": preprocess, "parameters": ref("parameters"),
		"seed":   schema{"anyOf": []schema{{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+$"}}},
		"split":  schema{"anyOf": []schema{{"type": []string{"number", "string"}}, structSchema(reflect.TypeFor[Split]())}},
		"points": schema{"type": "array", "items": schema{"type": "object"}},
	}
}

// when is a schema that holds where a key has a value.
func when(key string, value any, then schema) schema {
	return schema{"if": schema{"required": []string{key}, "properties": schema{key: schema{"const": value}}}, "then": then}
}

// paramSchema is a parameter: the keys of its distribution, named or inferred.
func paramSchema() schema {
	properties := schema{
		"distribution": schema{"enum": distributionNames()}, "value": schema{}, "values": schema{"type": "array", "minItems": 1},
		"probabilities": schema{"type": "array", "items": ref("number")}, "when": ref("when"), "parameters": ref("parameters"),
	}
	for _, key := range []string{"min", "max", "q", "mu", "sigma", "a", "b"} {
		properties[key] = ref("number")
	}
	only := func(keys ...string) schema { return schema{"enum": append([]string{"distribution", "when"}, keys...)} }
	var cases []schema
	for _, name := range distributionNames() {
		d := Distribution(name)
		if values, ok := exponents[d]; ok {
			d = values
		}
		then := schema{"propertyNames": only(slices.Concat(shapes[d].required, shapes[d].optional)...)}
		if len(shapes[d].required) > 0 {
			then["required"] = shapes[d].required
		}
		cases = append(cases, when("distribution", name, then))
	}
	has := func(keys ...string) schema { return schema{"required": keys} }
	inferred := []schema{
		{"required": []string{"value"}, "propertyNames": only("value")},
		{"required": []string{"values"}, "propertyNames": only("values", "probabilities")},
		{"required": []string{"min", "max"}, "propertyNames": only("min", "max")},
		{"required": []string{"parameters"}, "propertyNames": only("parameters")},
	}
	cases = append(cases, schema{"if": schema{"not": has("distribution")}, "then": schema{"anyOf": inferred}})
	return schema{"type": "object", "additionalProperties": false, "properties": properties, "allOf": cases}
}

// distributionNames lists the distributions with the older names of those that
// take exponents, sorted.
func distributionNames() []string {
	var names []string
	for d := range shapes {
		names = append(names, string(d))
	}
	for d := range exponents {
		names = append(names, string(d))
	}
	slices.Sort(names)
	return names
}

// structSchema is a mapping with the fields of a type.
func structSchema(t reflect.Type) schema {
	properties := schema{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			properties[name] = typeSchema(t.Field(i).Type)
		}
	}
	return schema{"type": "object", "additionalProperties": false, "properties": properties}
}

// fieldSchema is the field of a type by its name in JSON; anything if there is
// none.
func fieldSchema(t reflect.Type, name string) schema {
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name {
			return typeSchema(t.Field(i).Type)
		}
	}
	return schema{}
}

func typeSchema(t reflect.Type) schema {
	switch t.Kind() {
	case reflect.Pointer:
		return typeSchema(t.Elem())
	case reflect.Struct:
		return structSchema(t)
	case reflect.Slice:
		return schema{"type": "array", "items": typeSchema(t.Elem())}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return ref("count")
	case reflect.Float64:
		return ref("number")
	case reflect.String:
		return schema{"type": "string"}
	}
	return schema{}
}
