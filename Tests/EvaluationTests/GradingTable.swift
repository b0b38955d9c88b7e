/// Hand-checked verdicts: `gold ≡ answer` is right, `gold ≢ answer` is wrong. One category a block.
enum GradingTable {
    static let categories: [(name: String, cases: String)] = [
        (
            "whole numbers and decimals",
            #"""
            42 ≡ 42
            42 ≡ 42.0
            42 ≡ $42$
            42 ≡ \(42\)
            42 ≡ +42
            42 ≡ 42.
            025 ≡ 25
            -50 ≡ -50
            -50 ≡ −50
            0.15 ≡ .15
            0.15 ≡ \frac{3}{20}
            .0000672 ≡ 6.72 \times 10^{-5}
            .0000672 ≡ 6.72e-5
            1.25 ≡ 5/4
            4.5 ≡ 4\frac{1}{2}
            \frac{1}{3} ≡ 0.\overline{3}
            \frac{1}{7} ≡ 0.\overline{142857}
            \frac{7}{12} ≡ 0.58\overline{3}
            42 ≢ 43
            42 ≢ -42
            42 ≢ 4 2
            42 ≢ 420
            -50 ≢ 50
            0.15 ≢ 0.151
            \frac{1}{3} ≢ 0.333
            \frac{1}{3} ≢ 0.33333333
            326.5 ≢ 326
            2 ≢ 2i
            """#
        ),
        (
            "fractions",
            #"""
            \frac{14}{3} ≡ 14/3
            \frac{14}{3} ≡ \dfrac{14}{3}
            \frac{14}{3} ≡ \frac{28}{6}
            \frac{14}{3} ≡ 4\frac{2}{3}
            \frac{14}{3} ≡ 4 2/3
            \frac43 ≡ \frac{4}{3}
            \frac 59 ≡ 5/9
            \frac9{19} ≡ \tfrac{9}{19}
            -\frac{35}{9} ≡ \frac{-35}{9}
            -\frac{35}{9} ≡ \frac{35}{-9}
            1\frac{4}{5} ≡ 1.8
            137 \frac{1}{2} ≡ \frac{275}{2}
            \frac{\frac{1}{2}}{\frac{3}{4}} ≡ \frac{2}{3}
            \frac{1}{1+\frac{1}{2}} ≡ 2/3
            \frac{14}{3} ≢ \frac{3}{14}
            \frac{14}{3} ≢ \frac{14}{-3}
            \frac{14}{3} ≢ 4\frac{1}{3}
            \frac{14}{3} ≢ 14
            \frac{9}{19} ≢ 9/91
            1\frac{4}{5} ≢ \frac{4}{5}
            \frac{3}{56} ≢ 3/5
            0 ≢ \frac{1}{0}
            """#
        ),
        (
            "roots",
            #"""
            3\sqrt{13} ≡ \sqrt{117}
            3\sqrt{13} ≡ 3*sqrt(13)
            3\sqrt{13} ≡ 3√13
            11\sqrt2 ≡ 11\sqrt{2}
            11\sqrt2 ≡ \sqrt{242}
            \frac{\sqrt{3}}{3} ≡ \frac{1}{\sqrt{3}}
            \frac{\sqrt{21}}{5} ≡ \sqrt{\frac{21}{25}}
            1+2\sqrt{3} ≡ 2\sqrt{3}+1
            11 \sqrt{5} + 11 ≡ 11(1+\sqrt{5})
            \sqrt{6} ≡ \sqrt{2}\sqrt{3}
            2 ≡ \sqrt[3]{8}
            -2 ≡ \sqrt[3]{-8}
            2\sqrt[3]{2} ≡ \sqrt[3]{16}
            \sqrt{2}-1 ≡ \frac{1}{1+\sqrt{2}}
            1+\sqrt{2} ≡ \sqrt{3+2\sqrt{2}}
            \sqrt{3}-\sqrt{2} ≡ \sqrt{5-2\sqrt{6}}
            2 ≡ \sqrt{2+\sqrt{4}}
            \sqrt{x+1} ≡ (x+1)^{1/2}
            3\sqrt{x} ≡ \sqrt{9x}
            3\sqrt{13} ≢ \sqrt{13}
            3\sqrt{13} ≢ 13\sqrt{3}
            3\sqrt{13} ≢ 10.8167
            \sqrt{51} ≢ \sqrt{15}
            \sqrt{51} ≢ 51
            1+2\sqrt{3} ≢ 2+\sqrt{3}
            \sqrt{5} ≢ \sqrt[3]{5}
            \sqrt{5} ≢ -\sqrt{5}
            \sqrt{2}+\sqrt{3} ≢ \sqrt{5}
            \sqrt{x^2} ≢ -x
            """#
        ),
        (
            "powers, logarithms, factorials",
            #"""
            1024 ≡ 2^{10}
            1024 ≡ 2^10
            1024 ≡ 2**10
            \frac{1}{8} ≡ 2^{-3}
            4 ≡ 8^{2/3}
            2^{n+1} ≡ 2 \cdot 2^n
            4^n ≡ 2^{2n}
            e^{2x} ≡ e^x e^x
            720 ≡ 6!
            10 ≡ \binom{5}{2}
            3 ≡ \log_2 8
            \frac{3}{2} ≡ \log_4 8
            2 ≡ \log 100
            2\ln 2+\ln 3 ≡ \ln 12
            x ≡ \ln e^x
            2^{2023} ≡ 4^{1011} \cdot 2
            x^5 ≡ x^2 \cdot x^3
            1024 ≢ 2^{11}
            1024 ≢ 210
            2^{n+1} ≢ 2^{n}+1
            720 ≢ 6
            3 ≢ \log_3 8
            4 ≢ 2^{1/2}
            x^5 ≢ x^6
            2^{2023} ≢ 2^{2024}
            """#
        ),
        (
            "pi, angles and trigonometry",
            #"""
            \pi ≡ π
            \pi ≡ pi
            288 \pi ≡ 288\pi
            18+2\pi ≡ 2(9+\pi)
            -\frac{\pi}{6} ≡ \frac{-\pi}{6}
            \frac{20000}{\pi} ≡ 20000 \pi^{-1}
            90^\circ ≡ 90
            90^\circ ≡ 90^{\circ}
            90^\circ ≡ 90°
            90^\circ ≡ 90 degrees
            90^\circ ≡ 90\text{ degrees}
            \frac{1}{2} ≡ \sin 30^\circ
            \frac{1}{2} ≡ \cos\frac{\pi}{3}
            \frac{\sqrt{6}-\sqrt{2}}{4} ≡ \sin(15^\circ)
            -1 ≡ \cos \pi
            \cot x ≡ \frac{\cos x}{\sin x}
            \cot x ≡ \frac{1}{\tan x}
            \cos^2 x ≡ 1 - \sin^2 x
            \sin x ≡ \sin(x)
            \sin x ≡ -\sin(-x)
            \pi ≢ 3.14
            \pi ≢ 3.14159265
            \pi ≢ 2\pi
            288 \pi ≢ 288
            90^\circ ≢ 180^\circ
            90^\circ ≢ \frac{\pi}{2}
            \cot x ≢ \tan x
            \cot x ≢ \cot y
            \cos^2 x ≢ \sin^2 x
            \frac{1}{2} ≢ \sin 60^\circ
            """#
        ),
        (
            "complex numbers",
            #"""
            6 - 5i ≡ -5i + 6
            6 - 5i ≡ 6-5\mathrm{i}
            1+274i ≡ 274i+1
            -1 ≡ i^2
            -4 ≡ (1+i)^4
            2i ≡ \sqrt{-4}
            \frac{1-i}{2} ≡ \frac{1}{1+i}
            6 - 5i ≢ 6+5i
            6 - 5i ≢ 5 - 6i
            1+274i ≢ 1+274
            2i ≢ 2
            -4 ≢ (1+i)^2
            """#
        ),
        (
            "polynomials and formulas",
            #"""
            p - q ≡ -q+p
            2k+2 ≡ 2(k+1)
            (a+5)(b+2) ≡ ab+2a+5b+10
            x^3+3x-6 ≡ -6+x^3+3x
            6r^2-4r-24 ≡ 2(3r^2 - 2r - 12)
            \frac{11+9a}{20} ≡ \frac{11}{20}+\frac{9a}{20}
            5r^5 ≡ 5r^{5}
            3R^2 ≡ 3R^{2}
            x+1 ≡ \frac{x^2-1}{x-1}
            8n^2 + 4n + 1 ≡ (2n+1)^2 + 4n^2
            xy ≡ yx
            x_1+x_2 ≡ x_2+x_1
            p - q ≢ q - p
            2k+2 ≢ 2k+1
            2k ≢ 2n
            (a+5)(b+2) ≢ (a+2)(b+5)
            3R^2 ≢ 3r^2
            x^3+3x-6 ≢ x^3+3x+6
            x^5 - x^4 + x^3 - x^2 + x - 1 ≢ x^5 + x^4 + x^3 - x^2 + x - 1
            \frac{11+9a}{20} ≢ 11+\frac{9a}{20}
            x_1+x_2 ≢ x_1+x_3
            """#
        ),
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
            "intervals and unions",
            #"""
            (3,4] ≡ (3, 4]
            (3,4] ≡ \left( 3,4 \right]
            (3,4] ≡ 3 < x \le 4
            (2,\infty) ≡ (2, +\infty)
            (2,\infty) ≡ x > 2
            (2,\infty) ≡ 2 < x
            (-\infty, 0] ≡ x \leq 0
            (-\infty, 0] ≡ x <= 0
            x \in [-2,7] ≡ [-2,7]
            x \in [-2,7] ≡ -2 \le x \le 7
            x \in [-2,7] ≡ 7 \ge x \ge -2
            (0,9) \cup (9,36) ≡ (9,36)\cup(0,9)
            (0,9) \cup (9,36) ≡ (0,9) U (9,36)
            (-\infty, 2) \cup (3, \infty) ≡ x < 2 \text{ or } x > 3
            \left(\frac{3}{5},\frac{8}{3}\right] ≡ (0.6, 8/3]
            (-\sqrt{3}, \sqrt{3}) ≡ (-\sqrt3,\sqrt3)
            \left[ \frac{\pi^2}{8}, \frac{5 \pi^2}{4} \right] ≡ [\pi^2/8, 5\pi^2/4]
            (3,4] ≢ [3,4]
            (3,4] ≢ (3,4)
            (3,4] ≢ [3,4)
            (3,4] ≢ (4,3]
            (2,\infty) ≢ [2,\infty)
            (2,\infty) ≢ (-\infty,2)
            (2,\infty) ≢ x < 2
            (-\infty, 0] ≢ x < 0
            x \in [-2,7] ≢ [-2,7)
            (0,9) \cup (9,36) ≢ (0,36)
            (0,9) \cup (9,36) ≢ (0,9)
            (0,9) \cup (9,36) ≢ (0,9] \cup (9,36)
            \left(\frac{3}{5},\frac{8}{3}\right] ≢ \left(\frac{5}{3},\frac{8}{3}\right]
            """#
        ),
        (
            "sets and lists",
            #"""
            3, 5, 7 ≡ 7, 5, 3
            3, 5, 7 ≡ 3,5,7
            3, 5, 7 ≡ 3, 5, and 7
            3, 5, 7 ≡ \{3,5,7\}
            1,-2 ≡ -2, 1
            1,-2 ≡ x = 1 \text{ or } x = -2
            1,-2 ≡ x=1, x=-2
            1 \pm \sqrt{19} ≡ 1+\sqrt{19}, 1-\sqrt{19}
            1 \pm \sqrt{19} ≡ 1 \mp \sqrt{19}
            3 \pm 2 \sqrt{2} ≡ \{3-2\sqrt{2}, 3+2\sqrt{2}\}
            3 \pm 2 \sqrt{2} ≡ x = 3 \pm \sqrt{8}
            \{1\pm\sqrt{5},-2\} ≡ -2, 1+\sqrt{5}, 1-\sqrt{5}
            \{1, 2\} ≡ \{2, 1, 1\}
            \emptyset ≡ \{\}
            3, 5, 7 ≢ 3, 5
            3, 5, 7 ≢ 3, 5, 7, 9
            3, 5, 7 ≢ 3, 5, 8
            3, 5, 7 ≢ 357
            1,-2 ≢ -1, 2
            1,-2 ≢ 1
            1 \pm \sqrt{19} ≢ 1+\sqrt{19}
            1 \pm \sqrt{19} ≢ 1 \pm \sqrt{17}
            3 \pm 2 \sqrt{2} ≢ 2 \pm 3\sqrt{2}
            \{1\pm\sqrt{5},-2\} ≢ \{1\pm\sqrt{5},2\}
            \{1, 2\} ≢ \{1, 2, 3\}
            1, 1, 2 ≢ 1, 2, 2
            """#
        ),
        (
            "tuples and points",
            #"""
            (6,31,-1) ≡ (6, 31, -1)
            (6,31,-1) ≡ \left( 6,31,-1 \right)
            \left( 3, \frac{\pi}{2} \right) ≡ (3,\pi/2)
            \left( \frac{3}{2}, -13 \right) ≡ (1.5, -13)
            (1,-16,-4,43) ≡ (1,-16,-4,43).
            (2,-3) ≡ (x, y) = (2, -3)
            (2,-3) ≡ \langle 2, -3 \rangle
            (12,345) ≡ (12, 345)
            (6,31,-1) ≢ (31,6,-1)
            (6,31,-1) ≢ (6,31,1)
            (6,31,-1) ≢ (6,31)
            (6,31,-1) ≢ 6,31,-1
            \left( 3, \frac{\pi}{2} \right) ≢ (3, \frac{\pi}{3})
            (8,-2) ≢ (-2,8)
            (8,-2) ≢ [8,-2]
            """#
        ),
        (
            "matrices and vectors",
            #"""
            \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} ≡ \begin{bmatrix} -1 & 0 \\ 0 & -1 \end{bmatrix}
            \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} ≡ \left(\begin{array}{cc} -1 & 0 \\ 0 & -1 \end{array}\right)
            \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} ≡ [[-1,0],[0,-1]]
            \begin{pmatrix} -1/3 \\ 2/3 \\ 5/3 \end{pmatrix} ≡ \begin{pmatrix} -\frac{1}{3} \\ \frac{2}{3} \\ \frac{5}{3} \end{pmatrix}
            \begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix} ≡ (-2, -14, -7)
            \begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix} ≡ \begin{pmatrix} -2 \\ -14 \\ -7 \\ \end{pmatrix}
            \begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix} ≢ \begin{pmatrix} 1 & 0 \\ 0 & -1 \end{pmatrix}
            \begin{pmatrix} 0 & 1 \\ 2 & 3 \end{pmatrix} ≢ \begin{pmatrix} 0 & 2 \\ 1 & 3 \end{pmatrix}
            \begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix} ≢ \begin{pmatrix} -2 & -14 & -7 \end{pmatrix}
            \begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix} ≢ \begin{pmatrix} -2 \\ -14 \end{pmatrix}
            \begin{pmatrix} -2 \\ -14 \\ -7 \end{pmatrix} ≢ (-2, -7, -14)
            \begin{pmatrix} 1/5 \\ -18/5 \end{pmatrix} ≢ \begin{pmatrix} 1/5 \\ 18/5 \end{pmatrix}
            """#
        ),
        (
            "units",
            #"""
            5.4 \text{ cents} ≡ 5.4
            5.4 \text{ cents} ≡ 5.4 cents
            864 \mbox{ inches}^2 ≡ 864
            864 \mbox{ inches}^2 ≡ 864 \text{ square inches}
            864 \mbox{ inches}^2 ≡ 864\text{ in}^2
            15\mbox{ cm}^2 ≡ 15 cm^2
            15\mbox{ cm}^2 ≡ 15 \, \mathrm{cm}^2
            \frac{270}7\text{ degrees} ≡ \frac{270}{7}
            \frac{270}7\text{ degrees} ≡ \frac{270}{7}^\circ
            27 ≡ 27 miles
            27 ≡ 27 \text{ miles}
            60 ≡ 60 \text{ km/h}
            60 \text{ mph} ≡ 60 miles per hour
            \$36 ≡ 36
            \$36 ≡ $36
            \$36 ≡ 36 dollars
            \$18.90 ≡ 18.9
            5 ≡ 5 apples
            12 ≡ 12 \text{ units}
            5.4 \text{ cents} ≢ 5.4 \text{ dollars}
            5.4 \text{ cents} ≢ 54 \text{ cents}
            15\mbox{ cm}^2 ≢ 15 \text{ cm}^3
            15\mbox{ cm}^2 ≢ 15 \text{ m}^2
            864 \mbox{ inches}^2 ≢ 864 \text{ inches}
            60 \text{ mph} ≢ 60 \text{ km/h}
            \$36 ≢ \$63
            27 ≢ 28 miles
            """#
        ),
        (
            "percentages",
            #"""
            50\% ≡ 50
            50\% ≡ 50%
            50\% ≡ 0.5
            50\% ≡ \frac{1}{2}
            25 ≡ 25\%
            25 ≡ 25 percent
            0.25 ≡ 25\%
            12.5\% ≡ \frac{25}{2}\%
            50\% ≢ 5
            50\% ≢ 5\%
            50\% ≢ 500\%
            25 ≢ 0.25
            25 ≢ 250\%
            12.5\% ≢ 12\%
            """#
        ),
        (
            "thousands",
            #"""
            10,\!080 ≡ 10080
            10,\!080 ≡ 10,080
            10,\!080 ≡ 10{,}080
            11,\! 111,\! 111,\! 100 ≡ 11111111100
            \$32,\!348 ≡ 32348
            \$32,\!348 ≡ \$32,348
            58,500 ≡ 58500
            58500 ≡ 58,500
            1450000 ≡ 1,450,000
            1600 ≡ 1 600
            1,234.5 ≡ 1234.5
            10,\!080 ≢ 10, 080
            10,\!080 ≢ 10.080
            10,\!080 ≢ 1008
            58,500 ≢ 58
            58,500 ≢ 585
            1450000 ≢ 1,450
            """#
        ),
        (
            "number bases",
            #"""
            52_8 ≡ 52_{8}
            52_8 ≡ (52)_8
            52_8 ≡ 52_{\text{eight}}
            4210_{5} ≡ 4210_5
            2516_8 ≡ 2516 \text{ base } 8
            52_8 ≢ 52_9
            52_8 ≢ 52
            52_8 ≢ 42
            52_8 ≢ 25_8
            """#
        ),
        (
            "text",
            #"""
            \text{Evelyn} ≡ Evelyn
            \text{Evelyn} ≡ evelyn
            \text{Evelyn} ≡ \textbf{Evelyn}
            \text{east} ≡ \text{East}
            \text{even} ≡ even
            \text{ellipse} ≡ an ellipse
            \text{(C)} ≡ C
            \text{(C)} ≡ (C)
            \text{(C)} ≡ \text{C}
            \text{(C)} ≡ \textbf{(C)}\ 14
            \text{(C)} ≡ C. 14
            \text{no solution} ≡ No solution.
            \text{Evelyn} ≢ Angela
            \text{Evelyn} ≢ Eve
            \text{east} ≢ west
            \text{even} ≢ odd
            \text{even} ≢ not even
            \text{(C)} ≢ (B)
            \text{(C)} ≢ \text{D}
            \text{(C)} ≢ c^2
            \text{(C)} ≢ CD
            \text{dog bites man} ≢ \text{man bites dog}
            """#
        ),
    ]

    /// `(gold, answer, isRight)` of every line.
    static func cases(_ text: String) -> [(gold: String, answer: String, isRight: Bool)] {
        text.split(separator: "\n").map { line in
            let isRight = line.contains(" ≡ ")
            let sides = line.split(separator: isRight ? " ≡ " : " ≢ ").map(String.init)
            precondition(sides.count == 2, "\(line)")
            return (sides[0], sides[1], isRight)
        }
    }
}
