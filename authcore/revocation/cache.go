package revocation

// A Cache keeps entries over a restart. What comes out of it is verified again, so it may lose
// any of them and may be damaged. All methods are safe for concurrent use.
type Cache interface {
	// Get returns the value of key, which is the caller's.
	Get(key []byte) (value []byte, ok bool, err error)
	// Put stores value. A durable one is on the disk before Put returns; another may be lost
	// by a power cut.
	Put(key, value []byte, durable bool) error
	Delete(keys ...[]byte) error
	// Walk calls fn for every entry until it returns false. Key and value are fn's during the
	// call only.
	Walk(fn func(key, value []byte) bool) error
}

// nowhere is the Cache of a Source that has none.
type nowhere struct{}

func (nowhere) Get([]byte) ([]byte, bool, error)        { return nil, false, nil }
func (nowhere) Put([]byte, []byte, bool) error          { return nil }
func (nowhere) Delete(...[]byte) error                  { return nil }
func (nowhere) Walk(func(key, value []byte) bool) error { return nil }
