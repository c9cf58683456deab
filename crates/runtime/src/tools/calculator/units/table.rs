//! The units, each with its names, the printed one first.

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Length,
    Mass,
    Temperature,
    Volume,
    Area,
    Speed,
    Time,
    Data,
    DataRate,
    Energy,
    Power,
    Pressure,
    Frequency,
    Fuel,
}

/// How a value in the unit becomes one in the base unit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    /// By the factor.
    Plain,
    /// The offset is added first, then the factor applies.
    Offset(&'static str),
    /// The factor divided by the value.
    Inverse,
}

/// A unit.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) kind: Kind,
    pub(super) factor: &'static str,
    pub(super) scale: Scale,
    pub(super) names: &'static [&'static str],
}

const fn unit(kind: Kind, factor: &'static str, names: &'static [&'static str]) -> Unit {
    Unit { kind, factor, scale: Scale::Plain, names }
}

const fn scaled(
    kind: Kind,
    factor: &'static str,
    scale: Scale,
    names: &'static [&'static str],
) -> Unit {
    Unit { kind, factor, scale, names }
}

use Kind::{
    Area, Data, DataRate, Energy, Frequency, Fuel, Length, Mass, Power, Pressure, Speed,
    Temperature, Time, Volume,
};

/// Every unit. Factors are exact where a definition makes them so.
#[rustfmt::skip]
pub(super) const UNITS: &[Unit] = &[
    // metres
    unit(Length, "1", &["m", "meter"]),
    unit(Length, "1000", &["km", "kilometer", "kms"]),
    unit(Length, "0.01", &["cm", "centimeter"]),
    unit(Length, "0.1", &["dm", "decimeter"]),
    unit(Length, "0.001", &["mm", "millimeter"]),
    unit(Length, "0.000001", &["µm", "um", "micrometer", "micron"]),
    unit(Length, "0.000000001", &["nm", "nanometer"]),
    unit(Length, "1609.344", &["mi", "mile"]),
    unit(Length, "0.9144", &["yd", "yard"]),
    unit(Length, "0.3048", &["ft", "foot", "feet", "'"]),
    unit(Length, "0.0254", &["in", "inch", "inches", "\""]),
    unit(Length, "1852", &["nmi", "nautical mile"]),
    unit(Length, "201.168", &["furlong"]),
    unit(Length, "1.8288", &["fathom"]),
    unit(Length, "9460730472580800", &["ly", "light year", "light-year", "lightyear"]),
    unit(Length, "149597870700", &["au", "astronomical unit"]),
    // kilograms
    unit(Mass, "1", &["kg", "kilogram", "kilo", "kgs"]),
    unit(Mass, "0.001", &["g", "gram", "gramme"]),
    unit(Mass, "0.000001", &["mg", "milligram"]),
    unit(Mass, "0.000000001", &["µg", "ug", "mcg", "microgram"]),
    unit(Mass, "1000", &["t", "tonne", "metric ton"]),
    unit(Mass, "0.45359237", &["lb", "pound", "lbs"]),
    unit(Mass, "0.028349523125", &["oz", "ounce"]),
    unit(Mass, "6.35029318", &["st", "stone"]),
    unit(Mass, "907.18474", &["US ton", "short ton", "ton"]),
    unit(Mass, "1016.0469088", &["long ton", "imperial ton"]),
    unit(Mass, "0.0002", &["ct", "carat"]),
    // kelvins
    scaled(Temperature, "1", Scale::Offset("273.15"), &["°C", "C", "celsius", "centigrade"]),
    scaled(Temperature, "5/9", Scale::Offset("459.67"), &["°F", "F", "fahrenheit"]),
    unit(Temperature, "1", &["K", "kelvin"]),
    unit(Temperature, "5/9", &["°R", "rankine"]),
    // litres
    unit(Volume, "1", &["L", "l", "liter"]),
    unit(Volume, "0.001", &["mL", "ml", "milliliter", "cm3", "cc", "cubic centimeter", "cubic cm"]),
    unit(Volume, "0.01", &["cL", "cl", "centiliter"]),
    unit(Volume, "0.1", &["dL", "dl", "deciliter"]),
    unit(Volume, "100", &["hL", "hl", "hectoliter"]),
    unit(Volume, "1000", &["m³", "m3", "cubic meter", "cubic m"]),
    unit(Volume, "0.001", &["cm³"]),
    unit(Volume, "3.785411784", &["gal", "gallon", "US gallon"]),
    unit(Volume, "4.54609", &["imp gal", "imperial gallon", "UK gallon"]),
    unit(Volume, "0.946352946", &["qt", "quart"]),
    unit(Volume, "0.473176473", &["pt", "pint", "US pint"]),
    unit(Volume, "0.56826125", &["imp pt", "imperial pint", "UK pint"]),
    unit(Volume, "0.2365882365", &["cup"]),
    unit(Volume, "0.0295735295625", &["fl oz", "fluid ounce", "floz"]),
    unit(Volume, "0.01478676478125", &["tbsp", "tablespoon"]),
    unit(Volume, "0.00492892159375", &["tsp", "teaspoon"]),
    unit(Volume, "28.316846592", &["ft³", "ft3", "cubic foot", "cubic feet", "cubic ft"]),
    unit(Volume, "0.016387064", &["in³", "in3", "cubic inch", "cubic inches", "cubic in"]),
    unit(Volume, "764.554857984", &["yd³", "yd3", "cubic yard"]),
    unit(Volume, "158.987294928", &["bbl", "barrel"]),
    // square metres
    unit(Area, "1", &["m²", "m2", "square meter", "square m", "sqm"]),
    unit(Area, "1000000", &["km²", "km2", "square kilometer", "square km"]),
    unit(Area, "0.0001", &["cm²", "cm2", "square centimeter", "square cm"]),
    unit(Area, "0.000001", &["mm²", "mm2", "square millimeter"]),
    unit(Area, "10000", &["ha", "hectare"]),
    unit(Area, "4046.8564224", &["acre", "acres", "ac"]),
    unit(Area, "0.09290304", &["ft²", "ft2", "square foot", "square feet", "square ft", "sqft"]),
    unit(Area, "0.00064516", &["in²", "in2", "square inch", "square inches", "square in"]),
    unit(Area, "0.83612736", &["yd²", "yd2", "square yard", "square yd"]),
    unit(Area, "2589988.110336", &["mi²", "mi2", "square mile", "square mi"]),
    // metres per second
    unit(Speed, "1", &["m/s", "meter/s", "meters/s", "mps"]),
    unit(Speed, "5/18", &["km/h", "kph", "kmh", "kmph", "kilometer/h", "kilometers/h"]),
    unit(Speed, "0.44704", &["mph", "mi/h", "mile/h", "miles/h"]),
    unit(Speed, "463/900", &["kn", "knot", "kt", "kts"]),
    unit(Speed, "0.3048", &["ft/s", "fps", "foot/s", "feet/s"]),
    unit(Speed, "1000", &["km/s"]),
    unit(Speed, "299792458", &["c", "speed of light"]),
    // seconds
    unit(Time, "1", &["s", "second", "sec"]),
    unit(Time, "0.001", &["ms", "millisecond", "msec"]),
    unit(Time, "0.000001", &["µs", "us", "microsecond"]),
    unit(Time, "0.000000001", &["ns", "nanosecond"]),
    unit(Time, "60", &["min", "minute"]),
    unit(Time, "3600", &["h", "hour", "hr"]),
    unit(Time, "86400", &["d", "day"]),
    unit(Time, "604800", &["week", "wk"]),
    unit(Time, "1209600", &["fortnight"]),
    unit(Time, "2629746", &["month", "mo"]),
    unit(Time, "31556952", &["year", "yr", "y"]),
    unit(Time, "315569520", &["decade"]),
    unit(Time, "3155695200", &["century", "centuries"]),
    // bits
    unit(Data, "1", &["bit"]),
    unit(Data, "1000", &["kbit", "kb", "Kb", "kilobit"]),
    unit(Data, "1000000", &["Mbit", "Mb", "megabit"]),
    unit(Data, "1000000000", &["Gbit", "Gb", "gigabit"]),
    unit(Data, "1000000000000", &["Tbit", "Tb", "terabit"]),
    unit(Data, "8", &["B", "byte"]),
    unit(Data, "8000", &["kB", "KB", "kilobyte"]),
    unit(Data, "8000000", &["MB", "mb", "megabyte"]),
    unit(Data, "8000000000", &["GB", "gb", "gigabyte"]),
    unit(Data, "8000000000000", &["TB", "tb", "terabyte"]),
    unit(Data, "8000000000000000", &["PB", "pb", "petabyte"]),
    unit(Data, "8192", &["KiB", "kibibyte"]),
    unit(Data, "8388608", &["MiB", "mebibyte"]),
    unit(Data, "8589934592", &["GiB", "gibibyte"]),
    unit(Data, "8796093022208", &["TiB", "tebibyte"]),
    unit(Data, "9007199254740992", &["PiB", "pebibyte"]),
    // bits per second
    unit(DataRate, "1", &["bit/s", "bps", "bits/s"]),
    unit(DataRate, "1000", &["kbit/s", "kbps", "Kbps"]),
    unit(DataRate, "1000000", &["Mbit/s", "Mbps", "Mb/s", "megabit/s", "megabits/s"]),
    unit(DataRate, "1000000000", &["Gbit/s", "Gbps", "Gb/s", "gigabit/s", "gigabits/s"]),
    unit(DataRate, "8", &["B/s", "byte/s", "bytes/s"]),
    unit(DataRate, "8000", &["kB/s", "KB/s"]),
    unit(DataRate, "8000000", &["MB/s", "MBps", "megabyte/s", "megabytes/s"]),
    unit(DataRate, "8000000000", &["GB/s", "GBps", "gigabyte/s", "gigabytes/s"]),
    // joules
    unit(Energy, "1", &["J", "joule"]),
    unit(Energy, "1000", &["kJ", "kilojoule"]),
    unit(Energy, "1000000", &["MJ", "megajoule"]),
    unit(Energy, "4.184", &["cal", "calorie"]),
    unit(Energy, "4184", &["kcal", "kilocalorie", "Cal"]),
    unit(Energy, "3600", &["Wh", "watt hour", "watt-hour"]),
    unit(Energy, "3600000", &["kWh", "kilowatt hour", "kilowatt-hour"]),
    unit(Energy, "3600000000", &["MWh", "megawatt hour", "megawatt-hour"]),
    unit(Energy, "1055.05585262", &["BTU", "Btu", "british thermal unit"]),
    unit(Energy, "1.602176634e-19", &["eV", "electronvolt", "electron volt"]),
    // watts
    unit(Power, "1", &["W", "watt"]),
    unit(Power, "0.001", &["mW", "milliwatt"]),
    unit(Power, "1000", &["kW", "kilowatt"]),
    unit(Power, "1000000", &["MW", "megawatt"]),
    unit(Power, "1000000000", &["GW", "gigawatt"]),
    unit(Power, "745.69987158227022", &["hp", "horsepower", "bhp"]),
    unit(Power, "735.49875", &["PS", "metric horsepower"]),
    // pascals
    unit(Pressure, "1", &["Pa", "pascal"]),
    unit(Pressure, "100", &["hPa", "hectopascal", "mbar", "millibar"]),
    unit(Pressure, "1000", &["kPa", "kilopascal"]),
    unit(Pressure, "1000000", &["MPa", "megapascal"]),
    unit(Pressure, "100000", &["bar"]),
    unit(Pressure, "6894.757293168", &["psi"]),
    unit(Pressure, "101325", &["atm", "atmosphere"]),
    unit(Pressure, "133.322387415", &["mmHg", "mm hg"]),
    unit(Pressure, "101325/760", &["Torr", "torr"]),
    unit(Pressure, "3386.389", &["inHg", "in hg"]),
    // hertz
    unit(Frequency, "1", &["Hz", "hertz"]),
    unit(Frequency, "1000", &["kHz", "kilohertz"]),
    unit(Frequency, "1000000", &["MHz", "megahertz"]),
    unit(Frequency, "1000000000", &["GHz", "gigahertz"]),
    unit(Frequency, "1/60", &["rpm", "rotations per minute"]),
    // kilometres per litre
    unit(Fuel, "1", &["km/L", "km/l", "kmpl"]),
    unit(Fuel, "1.609344/3.785411784", &["mpg", "miles per gallon"]),
    unit(Fuel, "1.609344/4.54609", &["imp mpg", "imperial mpg", "UK mpg"]),
    scaled(Fuel, "100", Scale::Inverse, &["L/100km", "l/100km", "l/100 km", "L/100 km", "liters per 100 km"]),
];
