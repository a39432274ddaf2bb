package io.ashlar.compute.cuda;

import io.ashlar.compute.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/** Finds the GPUs of this machine that Ashlar can compute on. */
public final class CudaDevices {
    private static final System.Logger LOG = System.getLogger(CudaDevices.class.getName());

    /** What device names of GPUs begin with. */
    public static final String PREFIX = "cuda:";

    private final Supplier<Driver> drivers;

    /** @param drivers loads the driver, or throws {@link CudaException} with the reason why there is none */
    public CudaDevices(Supplier<Driver> drivers) {
        this.drivers = drivers;
    }

    /**
     * Every GPU that can be used. Where there is none, one line of the log says why.
     *
     * @param reserve bytes of each that are left alone
     * @param memory bytes of each to take; 0 is all that is free
     */
    public List<Device> all(long reserve, long memory) {
        Driver driver;
        List<GpuProperties> gpus;
        try {
            driver = drivers.get();
            gpus = driver.gpus();
        } catch (CudaException e) {
            LOG.log(System.Logger.Level.INFO, "No GPU is used: {0}.", e.getMessage());
            return List.of();
        }
        if (gpus.isEmpty()) {
            LOG.log(System.Logger.Level.INFO, "No GPU is used: the NVIDIA driver shows none.");
            return List.of();
        }
        LOG.log(
                System.Logger.Level.INFO,
                "The NVIDIA driver speaks CUDA {0} and shows {1} GPU(s).",
                version(driver.version()),
                gpus.size());
        List<Device> devices = new ArrayList<>();
        for (GpuProperties gpu : gpus) {
            try {
                devices.add(open(driver, gpu, reserve, memory));
            } catch (RuntimeException e) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "{0} ({1}) is not used: {2}",
                        PREFIX + gpu.ordinal(),
                        gpu.name(),
                        e.getMessage());
            }
        }
        return devices;
    }

    /**
     * The GPU of this number.
     *
     * @throws CudaException if it is not there or cannot be used; the message says why
     */
    public Device one(int ordinal, long reserve, long memory) {
        Driver driver = drivers.get();
        List<GpuProperties> gpus = driver.gpus();
        if (ordinal < 0 || ordinal >= gpus.size()) {
            throw new CudaException("there is no " + PREFIX + ordinal + ": the NVIDIA driver shows " + gpus.size()
                    + " GPU(s), from " + PREFIX + "0 on");
        }
        return open(driver, gpus.get(ordinal), reserve, memory);
    }

    private static Device open(Driver driver, GpuProperties gpu, long reserve, long memory) {
        if (driver.version() < Ptx.LEAST_CUDA) {
            throw new CudaException("the NVIDIA driver speaks CUDA " + version(driver.version())
                    + ", and the kernels need CUDA " + version(Ptx.LEAST_CUDA) + " (driver 470) or later");
        }
        if (gpu.major() < Ptx.LEAST_MAJOR) {
            throw new CudaException(String.format(
                    Locale.ROOT,
                    "%s has compute capability %d.%d, and the kernels need %d.0 or later",
                    gpu.name(),
                    gpu.major(),
                    gpu.minor(),
                    Ptx.LEAST_MAJOR));
        }
        return new CudaDevice(PREFIX + gpu.ordinal(), driver.open(gpu.ordinal()), reserve, memory);
    }

    private static String version(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }
}
