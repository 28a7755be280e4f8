# SPDX-License-Identifier: Apache-2.0
# The differences that tests/unit/lib/test_stats_compare.c expects of sk_stats_difference().
a <- c(212.4, 198.1, 231.7, 205.2, 220.9, 199.8, 240.3, 210.0)
b <- c(143.2, 139.9, 151.4, 147.3, 131.8, 170.6, 141.1)
c <- c(61.2, 64.9, 58.3, 70.1, 66.6)
d <- c(60.4, 66.1, 59.0, 72.2, 63.7)
e <- c(1.5, 2.25, 9)
f <- c(1, 4)
show <- function(x, y, level) {
  w <- wilcox.test(x, y, conf.int = TRUE, conf.level = level, exact = TRUE)
  k <- max(1, qwilcox((1 - level) / 2, length(x), length(y)))
  cat(format(c(w$estimate, w$conf.int, 1 - 2 * pwilcox(k - 1, length(x), length(y))), digits = 17), "\n")
}
show(a, b, 0.95)
show(a, b, 0.8)
show(c, d, 0.95)
show(c, d, 0.99)
show(e, f, 0.95)
