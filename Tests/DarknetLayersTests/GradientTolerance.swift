/// Of gradients and outputs in float32 against double: some hundred roundings of 6e-8 each, on
/// values down to a tenth of the largest.
let exactTolerance = 2e-5
