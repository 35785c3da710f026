/* eigen.c - the symmetric eigenproblem by Jacobi's rotations (Golub & Van Loan, 8.5). */
#include "rl/eigen.h"
#include <math.h>

enum { SWEEPS = 60 };

void mb__eigen(double *a, double *v, double *value, int n)
{
    for (int i = 0; i < n * n; i++) v[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0, on = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) *(i == j ? &on : &off) += a[i * n + j] * a[i * n + j];
        if (off <= 1e-30 * on) break;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                if (a[p * n + q] == 0) continue;
                double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
                double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y, a[k * n + q] = s * x + c * y;
                }
                for (int k = 0; k < n; k++) {
                    double x = a[p * n + k], y = a[q * n + k];
                    a[p * n + k] = c * x - s * y, a[q * n + k] = s * x + c * y;
                    x = v[k * n + p], y = v[k * n + q];
                    v[k * n + p] = c * x - s * y, v[k * n + q] = s * x + c * y;
                }
            }
    }
    for (int i = 0; i < n; i++) value[i] = a[i * n + i];
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            if (!(value[j] > value[i])) continue;
            double t = value[i];
            value[i] = value[j], value[j] = t;
            for (int k = 0; k < n; k++) t = v[k * n + i], v[k * n + i] = v[k * n + j], v[k * n + j] = t;
        }
}
