/// Several elements, and what stands around them.
extension GradingTable {
    static let collections: [Category] = [
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
    ]
}
