// Race does nothing: if `go run -race` of it works, the race detector works here.
package main

func main() {}
