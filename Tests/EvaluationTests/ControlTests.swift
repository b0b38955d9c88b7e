import Evaluation
import Foundation
import Testing

/// Controls as they are written.
@Suite struct ControlTests {
    @Test func armsOfControls() {
        #expect(Arm(control: "random=a", seed: 7) == Arm(name: "a-random-7", role: .random(of: "a")))
        #expect(Arm(control: "shuffled=a;scale=2", seed: 7) == Arm(name: "a;scale=2", role: .shuffled))
        for text in ["", "random", "random=", "none=a", "Random=a"] { #expect(Arm(control: text, seed: 7) == nil, "\(text)") }
        #expect(Arm(control: "random=a", seed: 7)?.isRandom == true && !Arm.base.isRandom)
    }

    @Test func namesThatLeadElsewhere() {
        for name in ["../a", ".a"] {
            #expect(throws: EvaluationError.noSuchAdapter(name: name, adapters: "/nowhere")) {
                try RandomLoRA.write(
                    controls: [.base, Arm(name: "x", role: .random(of: name))], of: "/nowhere", to: "/nowhere/controls", seed: 1)
            }
        }
    }
}
