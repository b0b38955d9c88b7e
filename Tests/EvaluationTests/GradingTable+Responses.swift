/// Verdicts on whole responses, written as in `GradingTable`; `⏎` is a line break.
extension GradingTable {
    static let responses: [Category] = [
        (
            "numbers in prose",
            #"""
            -3 ≡ The temperature is \#u{2212}3 degrees.
            3 ≢ The temperature is \#u{2212}3 degrees.
            -3 ≡ The temperature is \#u{2013}3 degrees.
            -3 ≡ It fell to \#u{2011}3 degrees.
            -3 ≡ It fell to \#u{FF0D}3 degrees.
            -3 ≡ x = \#u{2014} 3
            -3 ≡ x = - 3
            -3 ≡ It is minus 3 degrees.
            -3 ≡ So we have negative 3.
            3 ≢ It is minus 3 degrees.
            3 ≡ We pay the total minus 3 dollars.
            3 ≡ The result \#u{2014} 3 apples \#u{2014} is clear.
            3 ≡ The result\#u{2014}3 apples\#u{2014}is clear.
            20 ≡ Pages 10\#u{2013}20
            20 ≡ between 10-20
            -20 ≢ between 10-20
            5 ≡ - 5 apples
            -5 ≡ -5 apples
            1234567 ≡ It is 1 234 567 people
            567 ≢ It is 1 234 567 people
            1234567 ≡ It is 1\#u{A0}234\#u{A0}567 people
            567 ≢ It is 1\#u{A0}234\#u{A0}567 people
            1234567 ≡ It is 1\#u{2009}234\#u{2009}567 people
            567 ≢ It is 1\#u{2009}234\#u{2009}567 people
            1234567 ≡ It is 1\#u{202F}234\#u{202F}567 people
            567 ≢ It is 1\#u{202F}234\#u{202F}567 people
            1234567 ≡ It is 1\#u{2007}234\#u{2007}567 people
            567 ≢ It is 1\#u{2007}234\#u{2007}567 people
            1234567 ≡ It is 1'234'567 people
            1234567 ≡ It is 1’234’567 people
            1234567 ≡ It is 1\,234\,567 people
            1234567 ≡ It is 1{,}234{,}567 people
            1234567 ≡ It is 1,234,567 people
            1234567 ≡ It is 12,34,567 people
            567 ≢ It is 12,34,567 people
            34567 ≢ It is 12,34,567 people
            1234567 ≡ It is 1.234.567 people
            567 ≢ It is 1.234.567 people
            1234.5 ≡ It costs $1,234.50 today
            200 ≡ 1 2 3 100 200
            3100200 ≢ 1 2 3 100 200
            3,5 ≡ The roots are 3,5
            5 ≢ The roots are 3,5
            1200 ≡ It is 1.2 × 10^3 metres
            3 ≢ It is 1.2 × 10^3 metres
            1200 ≡ It is 1.2 × 10³ metres
            10 ≢ It is 1.2 × 10³ metres
            1200 ≡ It is 1.2·10³ metres
            1200 ≡ It is 1.2 \times 10^{3} metres
            1200 ≡ It is 1.2e3 metres
            1200 ≡ It is 1.2 x 10^3 metres
            1200 ≡ It is 1.2*10^3 metres
            0.0012 ≡ It is 1.2 × 10^-3 metres
            0.0012 ≡ It is 1.2 × 10⁻³ metres
            0.0012 ≡ It is 1.2 × 10^{\#u{2212}3} metres
            1024 ≡ which is 2^10
            10 ≢ which is 2^10
            1024 ≡ which is 2¹⁰ in all
            2 ≢ which is 2¹⁰ in all
            \frac{3}{4} ≡ We have 3/4 of it
            \frac{3}{4} ≡ We have 3⁄4 of it
            \frac{3}{4} ≡ We have 3 / 4 of it
            4 ≢ We have 3 / 4 of it
            \frac{3}{2} ≡ It takes 1 1/2 hours
            \frac{1}{2} ≢ It takes 1 1/2 hours
            \frac{3}{2} ≡ It takes 1½ hours
            1 ≢ It takes 1½ hours
            \frac{3}{2} ≡ It takes 1 ½ hours
            \frac{1}{2} ≡ It takes ½ an hour
            -\frac{3}{2} ≡ It is \#u{2212}1½
            \frac{9}{4} ≡ Answer 2 9/4 
            25\% ≡ about 25 % of it
            25\% ≡ about 25% of it
            0.25 ≡ about 25 percent of it
            0.25 ≡ about 25 per cent of it
            3000000 ≡ about 3 million people
            4000000 ≢ about 3 million people
            3000000 ≡ about $3 million
            \$36 ≡ It costs €5 and then $36
            €36 ≡ It costs €36.
            \$36 ≢ It costs €36.
            -36 ≡ You lose -$36
            36 ≢ You lose \#u{2212}$36
            \frac{1}{3} ≡ It is 0.\overline{3} in all
            3 ≢ It is 0.\overline{3} in all
            """#
        ),
        (
            "parts of formulas in prose",
            #"""
            2\sqrt{3} ≡ The length is 2√3.
            2 ≢ The length is 2√3.
            3 ≢ The length is √3
            \sqrt{3} ≡ The length is √3.
            2\sqrt{3} ≡ The length is 2\sqrt{3}.
            3 ≢ The length is 2\sqrt{3}.
            2\sqrt{3} ≡ The length is 2*sqrt(3).
            3 ≢ The length is 2*sqrt(3).
            5\pi ≡ The area is 5π.
            5 ≢ The area is 5π.
            \frac{\pi}{2} ≡ The angle is π/2
            2 ≢ The angle is π/2
            \frac{3}{4} ≡ we get \frac{3}{4}.
            4 ≢ we get \frac{3}{4}.
            5 ≡ The area is 5 cm^2.
            2 ≢ The area is 5 cm^2.
            5 ≡ The area is 5 cm².
            5 ≡ The area is 5 cm$^2$.
            5 ≡ The speed is 5 m/s^2.
            5 ≡ so x_1 = 5 for x_1
            x-3 ≡ The factor is x-3
            3 ≢ The factor is x-3
            3:4 ≡ The ratio is 3:4
            4 ≢ The ratio is 3:4
            3:4 ≡ The ratio is 3 : 4.
            4 ≢ The ratio is 3 : 4.
            5 ≡ Step 3: 5 apples
            19 ≡ COVID-19
            10 ≡ a 10-year-old
            3 ≡ She came 3rd
            5 ≡ It is **5**
            5 ≡ It is (5).
            5 ≡ |a|5| and
            5 ≡ x=5
            5 ≡ It weighs 5kg
            5 ≡ $5$ apples
            5 ≡ There are 5 apples!
            5 ≡ There are "5" apples
            120 ≡ there are 120 ways
            101_2 ≡ In binary it is 101_2
            2 ≢ In binary it is 101_2
            101 ≢ In binary it is 101₂
            3.5.2 ≡ See section 3.5.2
            2 ≢ See section 3.5.2
            .5 ≡ It is .5
            5 ≡ It ends.5 apples
            20 ≡ It is 20°C outside
            -3 ≡ It is \#u{2212}3 °C
            6 ≡ So $\gcd(12, 18) = 6$.
            11\sqrt2 ≡ so \sqrt{242} = \sqrt{11^2} \cdot \sqrt2 = 11\sqrt2.
            2 ≢ so it is 11\sqrt2.
            \frac65 ≡ the sum is a+b+c=\frac65.
            65 ≢ the sum is a+b+c=\frac65.
            59 ≢ reduces to \frac 59.
            3\sqrt{5} ≡ the area of OAB is 3 \sqrt{5}.
            \sqrt{5} ≢ the area of OAB is 3 \sqrt{5}.
            8n^2+4n+1 ≡ so that f = 8n^2 + 4n + 1.
            1 ≢ so that f = 8n^2 + 4n + 1.
            5+2i ≡ the root is 5 + 2i
            2i ≢ the root is 5 + 2i
            5+2i ≡ the root is 5+2i
            5-2\sqrt{3} ≡ the root is 5 - 2\sqrt{3}.
            3+x ≡ It is 3 + x.
            3 ≢ It is 3 + x.
            20 ≡ between 10 - 20 people
            5 ≡ 12 apples + 5
            5 ≡ she has 2 apples + 3 pears = 5
            (2,4) ≡ the image is (2,4).
            4 ≢ the image is (2,4).
            2,4 ≢ the image is (2,4).
            (1,-16,-4,43) ≡ Hence, (a,b,c,d) = (1,-16,-4,43).
            43 ≢ Hence, (a,b,c,d) = (1,-16,-4,43).
            [1,5) ≡ x is in [1,5).
            5 ≢ x is in [1,5).
            1234 ≡ there are many (1,234).
            1234 ≡ there are many (1,234 people).
            210 ≡ Week 3:210 pages
            2 ≡ Danielle has to pay $24k per year / 12 = $2k per month.
            5 ≢ it is 5k
            5 ≡ It is 5, 
            7 ≡ It is 5,then 7
            """#
        ),
        (
            "responses that are cut off, and those that are not",
            #"""
            5 ≢ \boxed{5}. Hmm, no: \boxed{
            5 ≢ \boxed{5}. Hmm, no: \boxed
            5 ≢ \boxed{5}. Hmm, no: \box
            5 ≢ \boxed{5}. Hmm, no: \boxed{7
            7 ≢ \boxed{5}. Hmm, no: \boxed{7
            5 ≢ \boxed{5}. Hmm, no: \fbox{
            5 ≢ <think>\boxed{5}</think> It is \boxed{
            5 ≢ <think>It is \boxed{5}. Or \boxed{6
            5 ≡ <think>It is \boxed{6 or</think> \boxed{5}
            5 ≡ \boxed{ hmm. Again: \boxed{5}
            5 ≡ \boxed{\boxed{5}
            5 ≡ \boxed{5}. A set {1, 2
            5 ≡ \boxed{ hmm #### 5
            5 ≢ The answer is 5. So \boxed{
            5 ≢ The answer is 5. No, the answer is
            5 ≢ The answer is 5. No, the answer is $
            5 ≢ <answer>5</answer> No: <answer>
            5 ≢ <answer>5</answer> No: <answer></answer>
            5 ≢ #### 5⏎No:⏎####
            5 ≡ <answer>5
            5 ≡ #### 5
            5 ≡ 5 is the answer.
            5 ≡ **Answer:**⏎⏎5
            3 ≡ The answer is $|AB| = 3$.
            6 ≡ The answer is $\gcd(12, 18) = 6$.
            """#
        ),
    ]
}
