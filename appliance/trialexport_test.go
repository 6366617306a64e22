package appliance

// RefusedPeople is refusedPeople, for tests.
var RefusedPeople = refusedPeople
