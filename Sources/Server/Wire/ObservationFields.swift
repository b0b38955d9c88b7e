import AdapterRegistry
import Adapters
import Engine
import JSONText

/// The strongest latents per token, as observing interventions report them: one entry per token and intervention.
enum ObservationFields {
    /// - Parameter labels: what latents stand for, by the adapter's name.
    static func json(_ observations: [TokenObservation], bytes: (Int32) -> [UInt8], labels: [String: LatentLabels]) -> [JSON] {
        observations.flatMap { observation in
            observation.readings.map { reading in
                var object = JSONObject([
                    ("adapter", .string(reading.adapter)), ("hookpoint", .string(reading.hookpoint.description)),
                    ("token", .int(Int(observation.token))), ("text", .string(TokenText.text(bytes(observation.token)))),
                    ("position", .int(observation.position)),
                ])
                object["latents"] = .array(reading.latents.map { latent($0, labels[reading.adapter]?[reading.hookpoint, $0.latent]) })
                if let fvu = reading.fvu { object["fvu"] = .float(fvu) }
                return .object(object)
            }
        }
    }

    private static func latent(_ found: LatentActivation, _ label: String?) -> JSON {
        var object = JSONObject([("latent", .int(found.latent)), ("activation", .float(found.activation))])
        if let label { object["label"] = .string(label) }
        return .object(object)
    }
}
