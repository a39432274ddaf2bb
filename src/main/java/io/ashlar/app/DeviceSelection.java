package io.ashlar.app;

import io.ashlar.compute.Device;
import io.ashlar.compute.cuda.CudaDevices;
import io.ashlar.compute.cuda.CudaException;
import io.ashlar.database.StartFailure;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Opens the devices that the setting {@code devices} names. */
final class DeviceSelection {
    private DeviceSelection() {}

    /**
     * @param setting {@code auto} (all GPUs, or the CPU where there are none), or a list of {@code cpu}, {@code cuda:0} and so on
     * @param cpu opens the CPU
     */
    static List<Device> open(String setting, Supplier<Device> cpu, CudaDevices gpus, AshlarProperties.Gpu limits) {
        long reserve = limits.reserve().toBytes();
        long memory = limits.memory().toBytes();
        if (setting.strip().equals("auto")) {
            List<Device> found = gpus.all(reserve, memory);
            return found.isEmpty() ? List.of(cpu.get()) : found;
        }
        Set<String> names = new LinkedHashSet<>();
        for (String part : setting.split(",", -1)) {
            String name = part.strip();
            if (!name.equals("cpu") && !name.matches(CudaDevices.PREFIX + "[0-9]{1,3}")) {
                throw new StartFailure("devices: '" + name
                        + "' is not a device; give auto, or a list of cpu, cuda:0, cuda:1 and so on");
            }
            if (!names.add(name)) {
                throw new StartFailure("devices: " + name + " is named twice");
            }
        }
        List<Device> opened = new ArrayList<>();
        try {
            for (String name : names) {
                opened.add(
                        name.equals("cpu")
                                ? cpu.get()
                                : gpus.one(
                                        Integer.parseInt(name.substring(CudaDevices.PREFIX.length())),
                                        reserve,
                                        memory));
            }
        } catch (CudaException e) {
            opened.forEach(Device::close);
            throw new StartFailure("devices: " + e.getMessage());
        }
        return opened;
    }
}
