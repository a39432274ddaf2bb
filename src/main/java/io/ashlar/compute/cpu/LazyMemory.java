package io.ashlar.compute.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Zeroed memory that the system gives page by page as it is used, by the C library's {@code calloc}: an arena writes its
 * zeros at once, which takes a second for a pool of gigabytes and counts as resident.
 */
final class LazyMemory {
    /** The C library gives smaller pieces from memory that it has to zero. */
    static final long LEAST = 1 << 20;

    private static final long ALIGN = 64;
    private static final MethodHandle CALLOC =
            handle("calloc", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE = handle("free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

    private LazyMemory() {}

    private static MethodHandle handle(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
    }

    /** Lives as long as the arena. */
    static MemorySegment allocate(long bytes, Arena arena) {
        try {
            MemorySegment start = (MemorySegment) CALLOC.invokeExact(1L, bytes + ALIGN);
            if (start.address() == 0) {
                throw new OutOfMemoryError("the system has no " + bytes + " bytes of memory");
            }
            long aligned = (start.address() + ALIGN - 1) / ALIGN * ALIGN;
            return MemorySegment.ofAddress(aligned).reinterpret(bytes, arena, memory -> free(start));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static void free(MemorySegment start) {
        try {
            FREE.invokeExact(start);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
