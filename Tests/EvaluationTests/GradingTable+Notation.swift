/// Ways of writing, units, words.
extension GradingTable {
    static let notation: [Category] = [
        (
            "dots",
            #"""
            1, 2, \ldots, n ≡ 1,2,\dots,n
            1, 2, \ldots, n ≡ 1, 2, \cdots, n
            1, 2, \ldots, n ≡ 1, 2, ..., n
            1, 2, \ldots, n ≡ 1, 2, …, n
            \{0, 1, \ldots, n-1\} ≡ \{0,1,\dots,-1+n\}
            1, 2, \ldots, n ≢ 1, 2, n
            1, 2, \ldots, n ≢ 2, 1, \ldots, n
            1, 2, \ldots, n ≢ 1, 2, \ldots, m
            1+2+\cdots+n ≡ 1+2+\dots+n
            1+2+\cdots+n ≢ 3+\cdots+n
            1+2+\cdots+n ≢ 1+2+n
            (1, 2, \ldots, n) ≡ (1,2,\dots,n)
            (1, 2, \ldots, n) ≢ 1,2,\dots,n
            42 ≡ 42...
            42 ≡ 42\ldots
            0.333 ≢ 0.333...
            0.333 ≢ 0.333\ldots
            """#
        ),
        (
            "over",
            #"""
            \frac{1}{2} ≡ {1 \over 2}
            \frac{1}{2} ≡ 1 \over 2
            \frac{x+1}{2} ≡ {x+1 \over 2}
            -\frac{1}{2} ≡ -{1 \over 2}
            \frac{5}{2} ≡ 2{1 \over 2}
            \frac{1}{2} ≢ {2 \over 1}
            \frac{x+1}{2} ≢ x + {1 \over 2}
            x + \frac{1}{2} ≡ x + {1 \over 2}
            \frac{1}{2} ≡ \left({1 \over 2}\right)
            """#
        ),
        (
            "binomial coefficients",
            #"""
            10 ≡ {5 \choose 2}
            \binom{n}{2} ≡ {n \choose 2}
            \binom{n}{2} ≡ \dbinom{n}{2}
            \binom{n}{2} ≡ \frac{n(n-1)}{2}
            \binom{n}{2} ≡ \tbinom n2
            \binom{2n}{n} ≡ {2n \choose n}
            \binom{n}{n-2} ≡ \binom{n}{2}
            \binom{n}{2} ≢ {2 \choose n}
            \binom{n}{2} ≢ {n \choose 3}
            \binom{n}{2} ≢ {n \over 2}
            \binom{2n}{n} ≢ \binom{n}{2n}
            \binom{n}{k} ≢ \binom{k}{n}
            10 ≢ {5 \over 2}
            """#
        ),
        (
            "signs of degrees",
            #"""
            90^\circ ≡ 90\degree
            90^\circ ≡ 90^\degree
            90^\circ ≡ 90 \degree
            90^\circ ≡ 90°
            90^\circ ≡ 90º
            90^\circ ≡ 90\deg
            \frac{1}{2} ≡ \sin 30\degree
            90^\circ ≢ 9\degree
            90^\circ ≢ 90\degree + 1
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
            \$36 ≡ -(-36)
            36 ≡ €36
            €36 ≡ 36 euros
            €36 ≡ 36 €
            £36 ≡ 36 pounds
            €1234.50 ≡ €1 234.50
            \$36 ≢ €36
            €36 ≢ £36
            -36 ≡ -\$36
            -36 ≡ −$36
            20 ≡ 20 °C
            20°C ≡ 20^\circ\text{C}
            20°C ≢ 20 °F
            """#
        ),
        (
            "millions",
            #"""
            3000000 ≡ 3 million
            3 ≡ 3 million
            \$3,000,000 ≡ \$3 million
            \$3,000,000 ≡ 3 million dollars
            \$3 million ≡ 3 million dollars
            3000000 ≡ 3\text{ million}
            2500 ≡ 2.5 thousand
            3000000 ≢ 3 billion
            3000000 ≢ 30 million
            \$3,000,000 ≢ €3 million
            3 ≢ 3.1 million
            5000000 ≢ 3 million
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
            25\% ≡ 25 %
            25\% ≡ 25％
            25\% ≡ 25 per cent
            0.25 ≡ 25 per cent
            0.25 ≡ 25 percent
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
}
