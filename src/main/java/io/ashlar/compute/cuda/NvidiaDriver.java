package io.ashlar.compute.cuda;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import jcuda.CudaException;
import jcuda.LogLevel;
import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The driver of this machine, through JCuda. */
public final class NvidiaDriver implements Driver {
    private NvidiaDriver() {}

    /**
     * @throws io.ashlar.compute.cuda.CudaException if there is no driver, or it cannot start; the message says why in a few
     *     words
     */
    public static Driver load() {
        try {
            // JCuda prints what it cannot load to the console, besides throwing it.
            JCudaDriver.setLogLevel(LogLevel.LOG_QUIET);
            JCudaDriver.setExceptionsEnabled(false);
            check(JCudaDriver.cuInit(0), "starting the driver");
            return new NvidiaDriver();
        } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
            throw new io.ashlar.compute.cuda.CudaException("no NVIDIA driver", e);
        } catch (CudaException e) {
            throw new io.ashlar.compute.cuda.CudaException(String.valueOf(e.getMessage()), e);
        }
    }

    static void check(int result, String what) {
        if (result != CUresult.CUDA_SUCCESS) {
            String[] name = new String[1];
            String[] text = new String[1];
            JCudaDriver.cuGetErrorName(result, name);
            JCudaDriver.cuGetErrorString(result, text);
            throw new io.ashlar.compute.cuda.CudaException(
                    String.format(Locale.ROOT, "%s failed: %s (%s)", what, text[0], name[0]));
        }
    }

    @Override
    public int version() {
        int[] version = new int[1];
        check(JCudaDriver.cuDriverGetVersion(version), "asking the driver for its version");
        return version[0];
    }

    @Override
    public List<GpuProperties> gpus() {
        int[] count = new int[1];
        check(JCudaDriver.cuDeviceGetCount(count), "counting GPUs");
        List<GpuProperties> all = new ArrayList<>();
        for (int i = 0; i < count[0]; i++) {
            CUdevice device = device(i);
            byte[] name = new byte[256];
            long[] memory = new long[1];
            check(JCudaDriver.cuDeviceGetName(name, name.length, device), "asking for the name of GPU " + i);
            check(JCudaDriver.cuDeviceTotalMem(memory, device), "asking for the memory of GPU " + i);
            int length = 0;
            while (length < name.length && name[length] != 0) {
                length++;
            }
            all.add(new GpuProperties(
                    i,
                    new String(name, 0, length, StandardCharsets.UTF_8),
                    attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
                    attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
                    attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                    memory[0],
                    attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)));
        }
        return all;
    }

    private static CUdevice device(int ordinal) {
        CUdevice device = new CUdevice();
        check(JCudaDriver.cuDeviceGet(device, ordinal), "opening GPU " + ordinal);
        return device;
    }

    private static int attribute(CUdevice device, int which) {
        int[] value = new int[1];
        check(JCudaDriver.cuDeviceGetAttribute(value, which, device), "asking for attribute " + which);
        return value[0];
    }

    @Override
    public Gpu open(int ordinal) {
        return new NvidiaGpu(device(ordinal), gpus().get(ordinal), Ptx.load());
    }
}
