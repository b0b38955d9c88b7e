/// Values and formulas that look different.
extension GradingTable {
    static let algebra: [Category] = [
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
            "roots of what has no value",
            #"""
            \frac{1}{\sqrt{n}} ≡ \sqrt{1/n}
            \frac{1}{\sqrt{n}} ≡ \sqrt{\frac{1}{n}}
            \frac{1}{\sqrt{n}} ≡ n^{-1/2}
            \frac{1}{\sqrt{n}} ≡ \frac{\sqrt{n}}{n}
            \frac{1}{\sqrt{n}} ≢ \sqrt{n}
            \frac{1}{\sqrt{n}} ≢ \frac{1}{n}
            \frac{1}{\sqrt{n}} ≢ -\sqrt{1/n}
            \frac{1}{\sqrt[3]{n}} ≡ \sqrt[3]{1/n}
            \sqrt{\frac{a}{b}} ≡ \frac{\sqrt{ab}}{b}
            \sqrt{\frac{a}{b}} ≢ \frac{\sqrt{ab}}{a}
            \sqrt{x^3} ≡ x\sqrt{x}
            \sqrt{\frac{1}{x^3}} ≡ \frac{1}{x\sqrt{x}}
            \sqrt{\sqrt{x}} ≡ \sqrt[4]{x}
            \sqrt{x^2} ≡ |x|
            \sqrt{x^2} ≢ x
            x ≢ \sqrt{x^2}
            \sqrt{4x^2y} ≡ 2|x|\sqrt{y}
            \sqrt{4x^2y} ≢ 2x\sqrt{y}
            \frac{1}{|x|} ≡ \sqrt{\frac{1}{x^2}}
            \sqrt{x^4} ≡ x^2
            \sqrt{\frac{1}{n+1}} ≡ \frac{1}{\sqrt{n+1}}
            \sqrt{\frac{n}{n+1}} ≡ \frac{\sqrt{n}}{\sqrt{n+1}}
            \sqrt{\frac{n}{n+1}} ≡ \frac{\sqrt{n^2+n}}{n+1}
            \sqrt{\frac{x-1}{x+1}} ≡ \frac{\sqrt{x^2-1}}{x+1}
            \sqrt{\frac{x-1}{x+1}} ≢ \frac{\sqrt{x^2+1}}{x+1}
            \sqrt{n(n+1)} ≡ \sqrt{n}\sqrt{n+1}
            \sqrt{n(n+1)} ≢ \sqrt{n}+\sqrt{n+1}
            \sqrt{n(n+1)} ≢ -\sqrt{n}\sqrt{n+1}
            \sqrt{\sqrt{x+1}} ≡ (x+1)^{1/4}
            \sqrt{2^n} ≡ 2^{n/2}
            \sqrt{\frac{1}{2^n}} ≡ 2^{-n/2}
            \sqrt{2^n} ≢ 2^{n}
            \sqrt{1-x^2} ≡ \sqrt{1-x}\sqrt{1+x}
            \sqrt{1-x^2} ≢ 1-x
            x\sqrt{y^2+1} ≢ \sqrt{x^2y^2+x^2}
            \sqrt[3]{x^3} ≡ x
            \sqrt[3]{x^2} ≡ x^{2/3}
            \frac{1}{\sqrt{n+1}+\sqrt{n}} ≡ \sqrt{n+1}-\sqrt{n}
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
            x^2 ≡ x²
            x^{12} ≡ x¹²
            x^{-1} ≡ x⁻¹
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
    ]
}
