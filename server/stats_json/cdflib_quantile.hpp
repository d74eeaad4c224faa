#pragma once

namespace upswing::stats_json {

/// Student's t quantile as scipy up to 1.10 computes it, for agreement with reference values to
/// their last digits: its cdflib stops the zero finder as soon as the bracket is below 1e-8 of the
/// value, and so returns 3.135759472793 for the 99.5 % quantile at 10.5 degrees of freedom, where
/// the tail is 0.00500000003. The engine never uses it: `statistics::StudentTUpperQuantile` is
/// right to 1e-12, and methods whose interval comes from here give the exact one beside it as
/// `ci_exact`.
///
/// p in (0, 1), degrees_of_freedom > 0. Source of the algorithm: J. C. P. Bus, T. J. Dekker (1975),
/// "Two efficient algorithms with guaranteed convergence for finding a zero of a function", ACM
/// Transactions on Mathematical Software 1(4), algorithm R; start value by M. Abramowitz, I. A.
/// Stegun (1964), 26.7.5.
double CdflibStudentQuantile(double p, double degrees_of_freedom);

}  // namespace upswing::stats_json
