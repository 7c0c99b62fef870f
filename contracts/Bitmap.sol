// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Sets of members as bitmaps: bit i stands for the member with index i.
library Bitmap {
    using Bitmap for uint256;

    /// @return The set that holds only `index`.
    function only(uint256 index) internal pure returns (uint256) {
        return 1 << index;
    }

    /// @return Whether every member of `part` is in `whole`.
    function within(uint256 part, uint256 whole) internal pure returns (bool) {
        return part & ~whole == 0;
    }

    /// @notice Number of members of `set`, 0 to 256.
    /// @dev Adds neighbouring lanes of 1, 2, 4 and 8 bits; the 16 lanes of 16 bits are summed by one multiplication,
    ///      since a lane of 16 bits can hold 256 and one of 8 bits could not.
    function count(uint256 set) internal pure returns (uint256) {
        // slither-disable-start divide-before-multiply
        // The divisions only write masks (0x5555..., 0x3333..., 0x0f0f..., 0x00ff..., 0x0001...): each is exact.
        unchecked {
            set -= (set >> 1) & (type(uint256).max / 3);
            set = (set & (type(uint256).max / 5)) + ((set >> 2) & (type(uint256).max / 5));
            set = (set + (set >> 4)) & (type(uint256).max / 17);
            set = (set & (type(uint256).max / 257)) + ((set >> 8) & (type(uint256).max / 257));
            return (set * (type(uint256).max / 65535)) >> 240;
        }
        // slither-disable-end divide-before-multiply
    }

    /// @return `set` without its `n` members of lowest index; nobody if it has fewer.
    function withoutLowest(uint256 set, uint256 n) internal pure returns (uint256) {
        unchecked {
            for (; n != 0 && set != 0; --n) {
                set &= set - 1;
            }
        }
        return set;
    }

    /// @notice The committee of a round: `size` of its committers, the next ones in index order in each round.
    /// @dev The places from `round * size % n` on among the n committers by index, beginning again after the last.
    ///      It depends on nothing that can change once commits are closed.
    /// @param size 0 for all committers.
    function committee(uint256 committed, uint256 round, uint256 size) internal pure returns (uint256) {
        uint256 n = committed.count();
        if (size == 0 || size >= n) return committed;
        uint256 later = committed.withoutLowest((round * size) % n);
        uint256 there = later.count();
        if (there >= size) return later ^ later.withoutLowest(size);
        return later | (committed ^ committed.withoutLowest(size - there));
    }
}
