import DarknetText

/// `%f`, as most of Darknet's lines have numbers.
package func six(_ value: some BinaryFloatingPoint) -> String { fixed(Double(value), decimals: 6) }

/// `%.2f`
package func two(_ value: some BinaryFloatingPoint) -> String { fixed(Double(value), decimals: 2) }
