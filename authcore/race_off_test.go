//go:build !race

package authcore_test

// halfOpen is how many conversations are abandoned in each round of the leak test.
const halfOpen = 10000
