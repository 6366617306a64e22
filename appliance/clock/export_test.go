package clock

import "time"

// Review is what Run does every minute.
func (c *Clock) Review() { c.review() }

// Save is what Run does every hour, and at the end.
func (c *Clock) Save() error { return c.save() }

// Marshal and Parse are the content of the file.
func Marshal(mark time.Time) string           { return marshal(mark) }
func Parse(content string) (time.Time, error) { return parse(content) }
