/* eigen.h - the symmetric eigenproblem, small: n up to some tens. */
#ifndef MB_RL_EIGEN_H
#define MB_RL_EIGEN_H
/* Eigenvalues (falling) and eigenvectors (columns of v) of the symmetric a [n][n], which is destroyed. */
void mb__eigen(double *a, double *v, double *value, int n);
#endif
