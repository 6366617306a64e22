package confdir

// OnStep has step called before each step on the disk; its error is that of the step.
func (d *Dir) OnStep(step func(string) error) { d.step = step }
