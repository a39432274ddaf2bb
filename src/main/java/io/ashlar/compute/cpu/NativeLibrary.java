package io.ashlar.compute.cpu;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The C kernels in the jar, and which of their variants this machine runs. Loaded once. */
final class NativeLibrary {
    private static final System.Logger LOG = System.getLogger(NativeLibrary.class.getName());
    /** Names in the order of {@code dispatch.c}. */
    private static final String[] VARIANTS = {"none", "AVX2", "AVX-512 VNNI", "NEON"};

    private static final String COST = "computing with the Vector API instead, which takes four to ten times as long";

    /** For tests and comparisons: {@code vector} does without the library, {@code avx2} limits it. */
    static final String CHOICE = "ashlar.kernels";

    private static @Nullable NativeLibrary instance;
    private static boolean tried;

    private final MethodHandle run;
    private final int variant;

    private NativeLibrary(MethodHandle run, int variant) {
        this.run = run;
        this.variant = variant;
    }

    /** The library, or null where it cannot be used; why is in the log. */
    static synchronized @Nullable NativeLibrary load() {
        String choice = System.getProperty(CHOICE, "best");
        if (choice.equals("vector")) {
            return null;
        }
        if (!tried) {
            tried = true;
            instance = tryLoad();
        }
        NativeLibrary library = instance;
        if (library != null && choice.equals("avx2") && library.variant == 2) {
            return new NativeLibrary(library.run, 1);
        }
        return library;
    }

    private static @Nullable NativeLibrary tryLoad() {
        String resource = "/native/" + platform() + "/libashlar.so";
        try (InputStream in = NativeLibrary.class.getResourceAsStream(resource)) {
            if (in == null) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "This build has no native kernels for {0} (it was made without a C compiler); {1}.",
                        platform(),
                        COST);
                return null;
            }
            Path file = Files.createTempFile("libashlar", ".so");
            try {
                Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
                return open(file);
            } finally {
                Files.deleteIfExists(file);
            }
        } catch (IOException | IllegalArgumentException | UnsatisfiedLinkError e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "The native kernels cannot be loaded (" + e.getMessage() + "); " + COST + ".");
            return null;
        }
    }

    private static @Nullable NativeLibrary open(Path file) {
        SymbolLookup symbols = SymbolLookup.libraryLookup(file, Arena.global());
        Linker linker = Linker.nativeLinker();
        MethodHandle layout = linker.downcallHandle(
                symbols.findOrThrow("ashlar_layout"), FunctionDescriptor.of(ValueLayout.JAVA_INT));
        MethodHandle best =
                linker.downcallHandle(symbols.findOrThrow("ashlar_best"), FunctionDescriptor.of(ValueLayout.JAVA_INT));
        MethodHandle run = linker.downcallHandle(
                symbols.findOrThrow("ashlar_run"),
                FunctionDescriptor.ofVoid(
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG));
        try {
            int found = (int) layout.invokeExact();
            if (found != Tape.LAYOUT) {
                throw new IllegalArgumentException("their layout is " + found + ", not " + Tape.LAYOUT);
            }
            int variant = (int) best.invokeExact();
            if (variant == 0) {
                LOG.log(System.Logger.Level.WARNING, "The native kernels need AVX2 with FMA, or NEON; {0}.", COST);
                return null;
            }
            return new NativeLibrary(run, variant);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    /** Such as {@code linux-x86_64}. */
    private static String platform() {
        String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("mac") ? "darwin" : "linux";
        String arch = switch (System.getProperty("os.arch", "")) {
            case "amd64", "x86_64" -> "x86_64";
            case "aarch64", "arm64" -> "aarch64";
            default -> "unknown";
        };
        return os + "-" + arch;
    }

    String variantName() {
        return VARIANTS[variant];
    }

    /** One worker's part of a tape; returns when all workers are through. */
    void run(long tape, long count, long meeting, long worker, long workers) {
        try {
            run.invokeExact(variant, tape, count, meeting, worker, workers);
        } catch (Throwable e) {
            throw new IllegalStateException("the native kernels cannot be called", e);
        }
    }
}
