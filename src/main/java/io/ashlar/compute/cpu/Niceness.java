package io.ashlar.compute.cpu;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * Lets threads that do not compute go first. A step takes milliseconds and a request's bytes take microseconds; where both
 * want the last core, the bytes should not wait for the step. On Linux a thread may raise its own nice value; it costs
 * nothing while cores are free. Elsewhere this does nothing.
 */
final class Niceness {
    private static final int PRIO_PROCESS = 0;
    private static final int CALLING_THREAD = 0;

    private Niceness() {}

    /** @param nice 0 leaves the thread as it is; 19 is the most */
    static void yieldToOthers(int nice) {
        if (nice == 0 || !System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux")) {
            return;
        }
        try {
            Linker linker = Linker.nativeLinker();
            MethodHandle setpriority = linker.downcallHandle(
                    linker.defaultLookup().find("setpriority").orElseThrow(),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
            int failed = (int) setpriority.invokeExact(PRIO_PROCESS, CALLING_THREAD, nice);
            if (failed != 0) {
                log("setpriority(" + nice + ") was refused");
            }
        } catch (Throwable e) {
            log("setpriority cannot be called: " + e);
        }
    }

    private static void log(String message) {
        System.getLogger(Niceness.class.getName()).log(System.Logger.Level.INFO, message);
    }
}
