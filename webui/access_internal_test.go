package webui

import (
	"fmt"
	"testing"
)

// Whoever sends many wrong tokens from many addresses fills no memory.
func TestWrongTokensAreBounded(t *testing.T) {
	g := newGate(nil, nil)
	for i := range maxWrong + 100 {
		g.failed(fmt.Sprintf("address/10.%d.%d.%d", i>>16, i>>8&255, i&255), fmt.Sprint(i))
	}
	if n := len(g.wrong); n == 0 || n > maxWrong {
		t.Errorf("%d wrong tokens are remembered, want at most %d", n, maxWrong)
	}
}
