/// Equations, and what is only called something.
extension GradingTable {
    static let equations: [Category] = [
        (
            "equations and names",
            #"""
            5 ≡ x = 5
            x=5 ≡ 5
            x=5 ≡ x = 5
            y = 2x + 3 ≡ 2x+3
            y = 2x + 3 ≡ y=3+2x
            y = 2x + 3 ≡ 2x - y + 3 = 0
            2x+3 ≡ f(x) = 2x+3
            5x - 7y + 11z + 4 = 0 ≡ 10x - 14y + 22z + 8 = 0
            5x - 7y + 11z + 4 = 0 ≡ 5x - 7y + 11z = -4
            y = -2x ≡ -2x
            5 ≡ 2+3 = 5
            15 ≡ \text{Area} = 15
            x=5 ≢ x=6
            5 ≢ x = -5
            5 ≢ 2+4 = 5
            y = 2x + 3 ≢ y = 3x+2
            y = 2x + 3 ≢ x = 2y+3
            5x - 7y + 11z + 4 = 0 ≢ 5x - 7y + 11z - 4 = 0
            5x - 7y + 11z + 4 = 0 ≢ 5x - 7y + 11z + 4 = 1
            y = -2x ≢ 2x
            """#
        ),
        (
            "names of angles and lengths",
            #"""
            70^\circ ≡ \angle ABC = 70^\circ
            70^\circ ≡ \angle A = 70^\circ
            70^\circ ≡ m\angle ABC = 70
            70^\circ ≡ ∠ABC = 70°
            70^\circ ≡ \measuredangle ABC = 70^\circ
            70 ≡ \angle ABC = 180^\circ - 110^\circ = 70^\circ
            70^\circ ≢ \angle ABC = 71^\circ
            70^\circ ≢ 2\angle ABC = 70^\circ
            70^\circ ≢ \angle ABC + 10^\circ = 70^\circ
            70^\circ ≢ \frac{\angle ABC}{2} = 70^\circ
            70^\circ ≢ \angle ABC > 70^\circ
            5 ≡ |AB| = 5
            5 ≡ AB = 5
            5 ≡ \overline{AB} = 5
            5 ≡ |\overline{AB}| = 5
            5 ≡ \|v\| = 5
            5 ≡ |\vec{v}| = 5
            5 ≡ \lVert v \rVert = 5
            5 ≡ |z| = 5
            5 ≡ [ABC] = 5
            5 ≡ [\triangle ABC] = 5
            5 ≡ \text{Area of } \triangle ABC = 5
            5 ≡ S_{\triangle ABC} = 5
            |AB| = 5 ≡ 5
            |AB| = 5 ≡ AB = 5
            5 ≢ |AB| = 6
            5 ≢ 2|AB| = 5
            5 ≢ |AB| + 1 = 5
            |x| = 5 ≢ 5
            |x| = 5 ≢ x = 5
            |x| = 5 ≡ |x| = 5
            |AB| = 5 ≢ |AC| = 5
            \angle ABC = 70^\circ ≢ \angle ABD = 70^\circ
            """#
        ),
        (
            "names of functions and operators",
            #"""
            6 ≡ \gcd(12, 18) = 6
            12 ≡ \operatorname{lcm}(4, 6) = 12
            12 ≡ \text{lcm}[4, 6] = 12
            12 ≡ lcm(4, 6) = 12
            4 ≡ \phi(12) = 4
            3 ≡ \lim_{x \to 0} f(x) = 3
            55 ≡ \sum_{k=1}^{10} k = 55
            55 ≡ \sum_{k=1}^{10} k + 0 = 55
            \frac{1}{3} ≡ \int_0^1 x^2 \, dx = \frac{1}{3}
            \frac{1}{3} ≡ P(A \cap B) = \frac{1}{3}
            \frac{1}{3} ≡ P(A|B) = \frac{1}{3}
            3 ≡ \mathbb{E}[X] = 3
            3 ≡ \max(1,2,3) = 3
            3 ≡ \det A = 3
            3 ≡ \deg p = 3
            3 ≡ x_1 = 3
            3 ≡ a_{10} = 3
            3 ≡ f(2) = 3
            3 ≡ f(-1) = 3
            3 ≡ f(f(2)) = 3
            3 ≡ f(x, y) = 3
            3 ≡ f'(2) = 3
            3 ≡ y(0) = 3
            2x ≡ f'(x) = 2x
            2x ≡ \frac{dy}{dx} = 2x
            2x ≡ \frac{d}{dx} f(x) = 2x
            2x ≡ f^{-1}(x) = 2x
            2x ≡ y' = 2x
            \frac{x-3}{2} ≡ f^{-1}(x) = \frac{x-3}{2}
            f^{-1}(x) = \frac{x-3}{2} ≡ \frac{x-3}{2}
            f^{-1}(x) = \frac{x-3}{2} ≡ f^{-1}(x) = \frac{x}{2} - \frac{3}{2}
            3 ≡ \vec{u} \cdot \vec{v} = 3
            (1,2) ≡ \vec{AB} = (1,2)
            \begin{pmatrix} 1 \\ 2 \end{pmatrix} ≡ A^{-1} = \begin{pmatrix} 1 \\ 2 \end{pmatrix}
            \{2\} ≡ A \cap B = \{2\}
            \{1,2,3\} ≡ A \cup B = \{1,2,3\}
            \frac{3}{5} ≡ \cos\theta = \frac{3}{5}
            \frac{24}{25} ≡ \sin 2\theta = \frac{24}{25}
            \frac{3}{4} ≡ \tan A = \frac{3}{4}
            """#
        ),
        (
            "names or equations",
            #"""
            7 ≡ x + y = 7
            7 ≡ AB + BC = 7
            5 ≡ a - b = 5
            6 ≡ xyz = 6
            \frac{3}{4} ≡ a/b = \frac{3}{4}
            \frac{3}{4} ≡ a : b = 3 : 4
            3:4 ≡ AB : BC = 3 : 4
            10 ≢ 2x = 10
            10 ≢ x + 1 = 10
            10 ≢ \frac{1}{2} f(2) = 10
            10 ≢ \frac{2x}{2} = 10
            10 ≡ \frac{a}{b} = 10
            10 ≢ \frac{1}{b} = 10
            10 ≡ |a - b| = 10
            10 ≢ |a - 1| = 10
            6 ≢ x(x+1) = 6
            6 ≢ n(n+1) = 6
            9 ≢ x^2 = 9
            5 ≢ 1/x = 5
            -5 ≢ -x = -5
            5 ≢ \sqrt{x} = 5
            3 ≢ \log_2 x = 3
            3 ≢ f(2) = 4
            f(2) = 3 ≢ f(3) = 3
            f(2) = 3 ≡ f(2) = 3
            y = 2x + 1 ≡ y=2x+1
            y = 2x + 1 ≢ y = 2x - 1
            x + y = 7 ≢ 7
            x + y = 7 ≡ y + x = 7
            x + y = 7 ≢ x - y = 7
            x^2 + y^2 = 25 ≢ 25
            2x + 1 ≢ y + z = 2x + 1
            \sin x + \cos x = 1 ≢ 1
            3 ≡ x=1+2=3
            1,2 ≡ f(1) = 1, f(2) = 2
            1,2 ≢ f(1) = 1, f(2) = 3
            """#
        ),
    ]
}
