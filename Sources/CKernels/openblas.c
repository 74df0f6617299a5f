// OpenBLAS starts its threads while the program is loaded, before main could ask for none: useless
// here, where our own pool shares out the work, and harmful where threads or address space are
// limited (its workers then wait for memory forever, or it interrupts the process).
//
// How many it starts it asks this function of its own, which reads OPENBLAS_NUM_THREADS. The dynamic
// linker prefers the definition of the program, or of a library that needs OpenBLAS, to OpenBLAS's.
// An OpenBLAS without the function, or one that is not linked at all, does not notice.

int openblas_num_threads_env(void);

__attribute__((used, visibility("default"))) int openblas_num_threads_env(void) { return 1; }
