// What check_objects.py must find: an import that is forbidden, and a static constructor.
#include <cstdio>
#include <cstdlib>

int from_the_environment = std::getenv("UPSWING") != nullptr;

void Print() { std::printf("%d\n", from_the_environment); }
