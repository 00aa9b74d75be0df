package dataset

// Fields returns, for each feature, the number of the input that it comes of:
// what models of interactions between columns call its field.
func (p *Pipeline) Fields() []int {
	fields := make([]int, 0, p.Width())
	for i := range p.Inputs {
		for range p.Inputs[i].width() {
			fields = append(fields, i)
		}
	}
	return fields
}
