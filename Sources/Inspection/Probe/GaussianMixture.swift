import Foundation

/// A mixture of Gaussians over places on a line, fitted by expectation-maximisation to how many things were counted at each place.
///
/// Every variance is that of the things about their mean and the width of a place, 1/12, which a thing is spread over: so a component can sit at
/// one place without its density going to infinity.
package struct GaussianMixture: Sendable, Equatable {
    package struct Component: Sendable, Equatable {
        package var weight: Double
        package var mean: Double
        package var deviation: Double

        func density(_ place: Double) -> Double {
            let distance = (place - mean) / deviation
            return weight * exp(-0.5 * distance * distance) / (deviation * (2 * Double.pi).squareRoot())
        }
    }

    /// In the order of their means.
    package private(set) var components: [Component]

    /// The variance of a uniform spread over the width of one place.
    package static let placeVariance = 1.0 / 12
    private static let rounds = 500

    /// Starts at the quantiles of the counts and ends where a round changes the log-likelihood of a thing by less than 1e-8.
    /// - Parameters:
    ///   - counts: of things, one above 0 at least.
    ///   - places: where, as many; equal ones are one place.
    package init(counts: [Int], at places: [Double], components count: Int) {
        precondition(counts.count == places.count && count > 0)
        let total = Double(counts.reduce(0, +))
        precondition(total > 0, "GaussianMixture: nothing was counted")
        let order = places.indices.sorted { places[$0] < places[$1] }
        let span = (places.max() ?? 0) - (places.min() ?? 0)
        let start = span / Double(2 * count)
        components = (0..<count).map { component in
            var below = 0.0
            let wanted = (Double(component) + 0.5) / Double(count) * total
            let place = order.first { index in
                below += Double(counts[index])
                return below >= wanted
            }
            return Component(
                weight: 1 / Double(count), mean: places[place ?? order[order.count - 1]],
                deviation: (start * start + Self.placeVariance).squareRoot())
        }
        var last = -Double.infinity
        for _ in 0..<Self.rounds {
            let likelihood = step(counts, places, total) / total
            if likelihood - last < 1e-8 { break }
            last = likelihood
        }
        components.sort { ($0.mean, $0.weight) < ($1.mean, $1.weight) }
    }

    /// One round of expectation and maximisation.
    /// - Returns: the log-likelihood of all things before it.
    private mutating func step(_ counts: [Int], _ places: [Double], _ total: Double) -> Double {
        var sums = [(weight: Double, place: Double, square: Double)](repeating: (0, 0, 0), count: components.count)
        var densities = [Double](repeating: 0, count: components.count)
        var likelihood = 0.0
        for (count, place) in zip(counts, places) where count > 0 {
            var all = 0.0
            for index in components.indices {
                densities[index] = components[index].density(place)
                all += densities[index]
            }
            // Far from every mean nothing is left of the densities.
            all = max(all, .leastNormalMagnitude)
            likelihood += Double(count) * log(all)
            for index in components.indices {
                let share = Double(count) * densities[index] / all
                sums[index].weight += share
                sums[index].place += share * place
                sums[index].square += share * place * place
            }
        }
        for index in components.indices where sums[index].weight > 1e-9 * total {
            let sum = sums[index]
            let mean = sum.place / sum.weight
            let variance = max(0, sum.square / sum.weight - mean * mean) + Self.placeVariance
            components[index] = Component(weight: sum.weight / total, mean: mean, deviation: variance.squareRoot())
        }
        return likelihood
    }

    /// What share of the things it expects at each of `places`; together 1.
    package func shares(at places: [Double]) -> [Double] {
        let densities = places.map { place in components.reduce(0) { $0 + $1.density(place) } }
        let all = densities.reduce(0, +)
        return all > 0 ? densities.map { $0 / all } : densities
    }
}
