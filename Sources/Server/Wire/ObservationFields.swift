import Engine
import JSONText

/// The strongest latents per token, as observing interventions report them: one entry per token and intervention.
enum ObservationFields {
    static func json(_ observations: [TokenObservation], bytes: (Int32) -> [UInt8]) -> [JSON] {
        observations.flatMap { observation in
            observation.readings.map { reading in
                var object = JSONObject([
                    ("adapter", .string(reading.adapter)), ("hookpoint", .string(reading.hookpoint.description)),
                    ("token", .int(Int(observation.token))), ("text", .string(TokenText.text(bytes(observation.token)))),
                    ("position", .int(observation.position)),
                ])
                object["latents"] = .array(reading.latents.map { ["latent": .int($0.latent), "activation": .float($0.activation)] })
                if let fvu = reading.fvu { object["fvu"] = .float(fvu) }
                return .object(object)
            }
        }
    }
}
