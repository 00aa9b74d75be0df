package forest

// Prune is prune.
var Prune = prune
