package audit

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"time"
)

// An Entry is an Event with its number, by which whoever reads along asks for what is new.
// Numbers count from 1 at the start of the process.
type Entry struct {
	ID    uint64
	Event Event
}

// MarshalJSON writes the fields of the decision log line under the same names, and with them
// the number, the sentence, the next step and the ladder.
func (e Entry) MarshalJSON() ([]byte, error) {
	explanation, _ := Explain(e.Event.Reason)
	fields := []slog.Attr{
		slog.Uint64("id", e.ID), slog.String("time", e.Event.Time.Format(time.RFC3339Nano)),
	}
	fields = append(fields, e.Event.Attrs()...)
	fields = append(fields,
		slog.String("sentence", explanation.Sentence), slog.String("next_step", explanation.NextStep))
	if e.Event.Ladder != nil {
		fields = append(fields, slog.Any("ladder", e.Event.Ladder))
	}
	var b bytes.Buffer
	for i, f := range fields {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		b.WriteByte(separator)
		value, err := json.Marshal(f.Value.Any())
		if err != nil {
			return nil, err
		}
		b.WriteString(`"` + f.Key + `":`) // keys are ours: plain words
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
